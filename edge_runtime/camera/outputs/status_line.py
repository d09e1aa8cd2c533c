"""Status line: the newest answer, rewritten in place on a terminal, or a line now and then in a log."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from ...text import columns_of, paint, printable, wrap_for
from ..answer import Answer, Sink
from ..event import ROUTINE, Event
from .background import BackgroundText

REWRITE_S = 0.2
"""Between two updates on a terminal."""
LOG_S = 10.0
"""Between two lines in a file or a journal."""
SILENT_S = 2.0
"""After this time without a frame, a terminal shows that instead of the last label."""


class StatusLine(Sink):
    """Shows the newest answer, with events on lines of their own above it.

    Args:
        stream: usually stderr, which leaves stdout to results.
        clock: monotonic seconds.
        log_s: seconds between two answers if `stream` is not a terminal; infinity: only events are written.
    """

    name = "stderr"

    def __init__(
        self, stream: TextIO, clock: Callable[[], float] = time.monotonic, log_s: float = LOG_S
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._log_s = log_s
        self._is_terminal = stream.isatty()
        self._shown_at_s = self._answered_at_s = -LOG_S
        self._pending = self._on_screen = ""

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        if not answer.frame.is_frozen:
            self._answered_at_s = self._clock()
        if self._is_due(REWRITE_S if self._is_terminal else self._log_s):
            self._show(status_text(answer))
            self._pending = ""
        elif self._is_terminal:
            self._pending = status_text(answer)

    def idle(self) -> None:
        """See `Sink.idle`."""
        silent_s = self._clock() - self._answered_at_s
        if self._is_terminal and self._on_screen and silent_s >= SILENT_S and self._is_due(REWRITE_S):
            self._show(f"no frame for {silent_s:.0f} s")

    def event(self, event: Event) -> None:
        """Prints an event, in the colour of a warning where it is trouble."""
        text = self._wrapped(f"camera: {printable(event.text)}")
        head = "camera" if event.kind in ROUTINE else paint("camera", self._stream, like="warning")
        self._print(head + text.removeprefix("camera"))

    def print_line(self, text: str) -> None:
        """Prints a permanent line, wrapped on a terminal; the status continues below it."""
        self._print(self._wrapped(text))

    def _wrapped(self, text: str) -> str:
        return wrap_for(self._stream, text)

    def _print(self, text: str) -> None:
        status = self._on_screen
        self._write(self._erase() + text + "\n" + status)
        self._on_screen = status

    def close(self) -> None:
        """Leaves the last answer on the screen; see `Sink.close`."""
        if self._pending:
            self._show(self._pending)
        if self._on_screen:
            self._write("\n")
        self._pending = self._on_screen = ""
        if isinstance(self._stream, BackgroundText):
            self._stream.drain()
            self.dropped = self._stream.dropped

    def _is_due(self, every_s: float) -> bool:
        return self._clock() - self._shown_at_s >= every_s

    def _show(self, text: str) -> None:
        self._shown_at_s = self._clock()
        if self._is_terminal:
            # A wrapped line cannot be rewritten.
            text = fit_status(text, columns_of(self._stream) - 1)
            self._write(self._erase() + text)
            self._on_screen = text
        else:
            self._write(text + "\n")

    def _erase(self) -> str:
        """Returns blanks, not an escape sequence: they work on every terminal and serial console."""
        shown, self._on_screen = len(self._on_screen), ""
        return f"\r{' ' * shown}\r" if shown else ""

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal was closed, or the log's disk is full: the loop continues
            self._stream.write(text)
            self._stream.flush()
        if isinstance(self._stream, BackgroundText):
            self.dropped = self._stream.dropped


NOT_YET = "not yet announced"
"""In place of `unknown`, while a label must still hold, as at the start."""


def fit_status(text: str, width: int) -> str:
    """Drops the last parts of a status that is wider than `width`, whole: half a number would be misread."""
    while len(text) > width and "   " in text:
        text = text.rpartition("   ")[0]
    return text[:width]


def status_text(answer: Answer) -> str:
    """Returns one line: the announced label, frames per second, latency, and age at the label.

    If the best label of the moment is another, or none is announced, the best one follows in parentheses.
    """
    frame, shown, timing = answer.frame, answer.decision.shown, answer.timing
    label, confidence = shown.ranking[0]
    best = f"{label} {confidence:.1%}"
    is_early = shown.label is None and answer.decision.waiting
    announced = best if shown.label == label else f"{NOT_YET if is_early else shown.text} ({best})"
    name = f"{printable(frame.name)}: " if frame.name else ""
    fps = f"   {timing.fps:.1f} fps" if timing.fps is not None else ""
    ages = timing.recent_ages
    age = (
        f"p50 {ages.p50_ms:.0f} ms, p95 {ages.p95_ms:.0f}, p99 {ages.p99_ms:.0f}"
        if ages
        else f"{timing.age_ms:.0f} ms"
    )
    return f"{name}{announced}{fps}   latency {timing.latency_ms:.1f} ms   age {age}"
