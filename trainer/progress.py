"""What a training tells while it runs; by itself it tells nobody."""

import signal
import sys
import threading
from types import FrameType
from typing import Any, Self, TextIO

from ..edge_runtime.errors import Unavailable
from ..edge_runtime.text import duration, paint, wrap_for
from .report import Epoch


class Progress:
    """Silent. A subclass shows what it wants to."""

    def say(self, text: str) -> None:
        """A fact worth a line."""

    def warn(self, text: str) -> None:
        """What the user should know before the result is trusted."""

    def images_read(self, done: int, total: int) -> None:
        """While the files of a data set are read."""

    def epoch_started(self, number: int, epochs: int, batches: int) -> None:
        """Epoch `number` of `epochs`, counted from 1."""

    def batches_done(self, count: int, loss: float, accuracy: float) -> None:
        """So many of this epoch, with its means so far on the training split."""

    def epoch_done(self, epoch: Epoch) -> None:
        """With its evaluation."""


# Ctrl-C that is not lost where Python drops the exception: in a `__del__`, in the garbage collector.


class Interrupts:
    """A context manager, within which an interrupt raises KeyboardInterrupt at once, and again at `check`."""

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None
        self._tell_dropped: Any = None

    def check(self) -> None:
        """Raises KeyboardInterrupt if there was an interrupt, whoever swallowed it."""
        if self._asked:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # no other may set handlers
            self._before = signal.signal(signal.SIGINT, self._interrupt)
            self._tell_dropped, sys.unraisablehook = sys.unraisablehook, self._dropped
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            sys.unraisablehook = self._tell_dropped

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True
        raise KeyboardInterrupt

    def _dropped(self, what: Any) -> None:
        if not issubclass(what.exc_type, KeyboardInterrupt):  # that is not lost, so there is nothing to tell
            self._tell_dropped(what)


# On stderr: a live bar on a terminal, and everywhere a line for each epoch, with the time left.

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


class TerminalProgress(Progress):
    """A context manager, so that no interrupt is lost and no interrupted bar stays half drawn."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        """Shows it on a stream, by default stderr; quiet leaves only warnings."""
        self._stream = stream or sys.stderr
        self._is_quiet = quiet
        self._bar: tqdm | None = None
        self._epochs = 0
        self._seconds: list[float] = []
        """Of the epochs done."""
        self._has_header = False
        self._interrupts = Interrupts()

    def say(self, text: str) -> None:
        """See `Progress`."""
        self._end_bar()
        if not self._is_quiet:
            self._print(text)

    def warn(self, text: str) -> None:
        """See `Progress`."""
        self._end_bar()
        self._print(f"{paint('warning', self._stream)}: {text}")

    def images_read(self, done: int, total: int) -> None:
        """See `Progress`."""
        if self._bar is None:
            if not self._stream.isatty():
                self.say(f"edgecls: reading {total:,} images ...")
            self._start_bar(f"reading {total:,} images", total)
        self._step_to(done)
        if done == total:
            self._end_bar()

    def epoch_started(self, number: int, epochs: int, batches: int) -> None:
        """See `Progress`."""
        self._interrupts.check()
        self._epochs = epochs
        self._start_bar(f"epoch {number}/{epochs}", batches)

    def batches_done(self, count: int, loss: float, accuracy: float) -> None:
        """See `Progress`."""
        self._interrupts.check()
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss: {loss:.4f}, accuracy: {accuracy:.4f}", refresh=False)
        self._step_to(count)

    def epoch_done(self, epoch: Epoch) -> None:
        """See `Progress`."""
        if not self._has_header:
            self._has_header = True
            self.say(_line(list(_COLUMNS)))
        figures = (epoch.train, epoch.val, epoch.test)
        values = [f"{value:.4f}" for split in figures for value in (split.loss, split.accuracy)]
        self._seconds.append(epoch.seconds)
        left_s = sum(self._seconds) / len(self._seconds) * (self._epochs - epoch.number)
        times = [duration(epoch.seconds), duration(left_s)]
        self.say(_line([f"{epoch.number}/{self._epochs}", *values, *times]))

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


def _line(values: list[str]) -> str:
    return "".join(f"{value:>{width}}" for value, width in zip(values, _COLUMNS.values(), strict=True))
