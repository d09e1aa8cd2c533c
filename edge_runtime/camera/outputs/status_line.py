"""What the loop sees, on one line of a terminal that is rewritten in place, or now and then in a log."""

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from ...text import printable
from ..answer import Answer, Sink
from ..event import Event

REWRITE_S = 0.2
"""On a terminal: nobody reads faster."""
LOG_S = 10.0
"""In a file or a journal."""
SILENT_S = 2.0
"""Without a frame for so long, the terminal says so and no longer shows the last label as if it were live."""


class StatusLine(Sink):
    """Shows the newest answer, and events on lines of their own above it.

    Args:
        stream: usually stderr, so that stdout stays free for results.
        clock: monotonic seconds.
        log_s: seconds between two answers where it is not a terminal; infinite: only events are noted.
    """

    def __init__(
        self, stream: TextIO, clock: Callable[[], float] = time.monotonic, log_s: float = LOG_S
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._log_s = log_s
        self._in_place = stream.isatty()
        self._shown_at_s = self._answered_at_s = -LOG_S
        self._newest = self._on_screen = ""

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        self._answered_at_s = self._clock()
        if self._is_due(REWRITE_S if self._in_place else self._log_s):
            self._show(status_text(answer))
            self._newest = ""
        elif self._in_place:
            self._newest = status_text(answer)

    def idle(self) -> None:
        """See `Sink.idle`."""
        silent_s = self._clock() - self._answered_at_s
        if self._in_place and self._on_screen and silent_s >= SILENT_S and self._is_due(REWRITE_S):
            self._show(f"no frame for {silent_s:.0f} s")

    def event(self, event: Event) -> None:
        """Prints an event."""
        self.print_line(f"camera: {printable(event.text)}")

    def print_line(self, text: str) -> None:
        """Prints a line that stays; the status goes on below it."""
        status = self._on_screen
        self._write(self._erase() + text + "\n" + status)
        self._on_screen = status

    def close(self) -> None:
        """Leaves the last answer standing; see `Sink.close`."""
        if self._newest:
            self._show(self._newest)
        if self._on_screen:
            self._write("\n")
        self._newest = self._on_screen = ""

    def _is_due(self, every_s: float) -> bool:
        return self._clock() - self._shown_at_s >= every_s

    def _show(self, text: str) -> None:
        self._shown_at_s = self._clock()
        if self._in_place:
            text = _fitted(text, shutil.get_terminal_size().columns - 1)  # a wrapped line cannot be rewritten
            self._write(self._erase() + text)
            self._on_screen = text
        else:
            self._write(text + "\n")

    def _erase(self) -> str:
        """Blanks and not an escape sequence: every terminal and serial console knows them."""
        shown, self._on_screen = len(self._on_screen), ""
        return f"\r{' ' * shown}\r" if shown else ""

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal was closed, or a log's disk is full: no reason to stop
            self._stream.write(text)
            self._stream.flush()


def _fitted(text: str, width: int) -> str:
    """As many of its parts as fit: half a number would be read as another one."""
    while len(text) > width and "   " in text:
        text = text.rpartition("   ")[0]
    return text[:width]


def status_text(answer: Answer) -> str:
    """One line: the announced label, frames per second, latency, and the frames' age when their label came.

    Where the announced label is not the best one now, or there is none, the best one stands behind it.
    """
    frame, shown, timing = answer.frame, answer.decision.shown, answer.timing
    label, confidence = shown.ranking[0]
    best = f"{label} {confidence:.1%}"
    said = best if shown.label == label else f"{shown.text} ({best})"
    name = f"{printable(frame.name)}: " if frame.name else ""
    fps = f"   {timing.fps:.1f} fps" if timing.fps is not None else ""
    ages = timing.recent_ages
    age = (
        f"p50 {ages.p50_ms:.0f} ms, p95 {ages.p95_ms:.0f}, p99 {ages.p99_ms:.0f}"
        if ages
        else f"{timing.age_ms:.0f} ms"
    )
    return f"{name}{said}{fps}   latency {timing.latency_ms:.1f} ms   age {age}"
