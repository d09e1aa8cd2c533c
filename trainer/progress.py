"""Progress of a training: a silent interface, and its display on a terminal that loses no Ctrl-C."""

import signal
import sys
import threading
from types import FrameType
from typing import Any, Self, TextIO

from ..edge_runtime.errors import Unavailable
from ..edge_runtime.text import duration, wrap_for
from .report import Epoch

try:
    from tqdm import tqdm
except ImportError as error:
    raise Unavailable(f'training needs tqdm ({error}); run `pip install "edgecls[train]"`') from error

_BAR = "{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
_COLUMNS = {
    "epoch": 7,
    "loss": 8,
    "acc": 8,
    "val_loss": 10,
    "val_acc": 9,
    "test_loss": 11,
    "test_acc": 10,
    "time": 8,
    "left": 8,
}


class Progress:
    """What a training reports while it runs. This class is silent; a subclass shows what it wants."""

    def message(self, text: str) -> None:
        """Called with one or more lines worth showing."""

    def warn(self, text: str) -> None:
        """Called with what the user should know before trusting the result."""

    def images_read(self, done: int, total: int) -> None:
        """Called while the files of a data set are read."""

    def epoch_started(self, number: int, epochs: int, batches: int) -> None:
        """Called before epoch `number` of `epochs`, counted from 1."""

    def batches_done(self, count: int, loss: float, accuracy: float) -> None:
        """Called after batches of this epoch, with its means so far on the training split."""

    def pass_started(self, number: int, passes: int, text: str, images: int) -> None:
        """Called before a step of pass `number` of `passes`; `images` is 0 if it is not for single images."""

    def images_done(self, count: int) -> None:
        """Called after so many images of this step."""

    def epoch_done(self, epoch: Epoch) -> None:
        """Called after an epoch or a pass and its evaluation."""


class TerminalProgress(Progress):
    """Shows a training on stderr: a live bar if it is a terminal, and always a line for each epoch.

    The line has an estimate of the time left, from the second on. A context manager, so that no interrupt is
    lost and no bar stays half drawn.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        """Takes another stream than stderr; `quiet` shows warnings only."""
        self._stream = stream or sys.stderr
        self._is_quiet = quiet
        self._bar: tqdm | None = None
        self._epochs = 0
        self._seconds: list[float] = []
        """Of each epoch done after the first, whose start-up would count in every one left."""
        self._is_started = False
        self._is_by_pass = False
        self._has_header = False
        self._interrupts = Interrupts()

    def message(self, text: str) -> None:
        """See `Progress`."""
        self._end_bar()
        if not self._is_quiet:
            self._print(text)

    def warn(self, text: str) -> None:
        """See `Progress`."""
        self._end_bar()
        self._print(f"warning: {text}")

    def images_read(self, done: int, total: int) -> None:
        """See `Progress`."""
        if self._bar is None:
            if not self._stream.isatty():
                self.message(f"edgecls: reading {total:,} images ...")
            self._start_bar(f"reading {total:,} images", total)
        self._step_to(done)
        if done == total:
            self._end_bar()

    def epoch_started(self, number: int, epochs: int, batches: int) -> None:
        """See `Progress`."""
        self._interrupts.check()
        self._epochs, self._is_by_pass = epochs, False
        self._start_bar(f"epoch {number}/{epochs}", batches)

    def batches_done(self, count: int, loss: float, accuracy: float) -> None:
        """See `Progress`."""
        self._interrupts.check()
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss: {loss:.4f}, accuracy: {accuracy:.4f}", refresh=False)
        self._step_to(count)

    def pass_started(self, number: int, passes: int, text: str, images: int) -> None:
        """See `Progress`."""
        self._interrupts.check()
        self._epochs, self._is_by_pass = passes, True
        self._start_bar(f"pass {number}/{passes}: {text}" if passes > 1 else text, images)

    def images_done(self, count: int) -> None:
        """See `Progress`."""
        self._interrupts.check()
        self._step_to(count)

    def epoch_done(self, epoch: Epoch) -> None:
        """See `Progress`."""
        if not self._has_header:
            self._has_header = True
            header = [*_COLUMNS]
            self.message(_line(["pass", *header[1:]] if self._is_by_pass else header))
        figures = (epoch.train, epoch.val, epoch.test)
        values = [f"{value:.4f}" for split in figures for value in (split.loss, split.accuracy)]
        times = [duration(epoch.seconds), self._left(epoch)]
        self.message(_line([f"{epoch.number}/{self._epochs}", *values, *times]))

    def _left(self, epoch: Epoch) -> str:
        """Returns the time left; "-" after the first epoch of this process, which includes the start-up."""
        after, self._is_started = self._is_started, True
        if after:
            self._seconds.append(epoch.seconds)
        count = self._epochs - epoch.number
        if not self._seconds:
            return "-" if count > 0 else duration(0)
        return duration(sum(self._seconds) / len(self._seconds) * count)

    def __enter__(self) -> Self:
        self._interrupts.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._interrupts.__exit__()
        self._end_bar()

    def _print(self, text: str) -> None:
        print(wrap_for(self._stream, text), file=self._stream, flush=True)

    def _start_bar(self, text: str, total: int) -> None:
        self._end_bar()
        self._bar = tqdm(
            desc=text,
            total=total,
            file=self._stream,
            bar_format=_BAR,
            leave=False,
            dynamic_ncols=True,
            disable=self._is_quiet or not self._stream.isatty(),
        )

    def _step_to(self, count: int) -> None:
        if self._bar is not None:
            self._bar.update(count - self._bar.n)

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Interrupts:
    """Context manager in which Ctrl-C raises KeyboardInterrupt at once, and again at `check`.

    Python drops the exception in a `__del__` and in the garbage collector; `check` raises it all the same.
    """

    def __init__(self) -> None:
        self._interrupted = False
        self._before: Any = None
        self._unraisable_hook: Any = None

    def check(self) -> None:
        """Raises KeyboardInterrupt if there was an interrupt, even if its exception was dropped."""
        if self._interrupted:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers
            self._before = signal.signal(signal.SIGINT, self._interrupt)
            self._unraisable_hook, sys.unraisablehook = sys.unraisablehook, self._dropped
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            sys.unraisablehook = self._unraisable_hook

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self._interrupted = True
        raise KeyboardInterrupt

    def _dropped(self, what: Any) -> None:
        if not issubclass(what.exc_type, KeyboardInterrupt):  # which `check` raises again
            self._unraisable_hook(what)


def _line(values: list[str]) -> str:
    return "".join(f"{value:>{width}}" for value, width in zip(values, _COLUMNS.values(), strict=True))
