"""Event limit: lets the first events of each kind through at once, and later ones at a steady rate.

A camera that gives good and bad pictures in turn would write ten lines a second for months, and one with
several such faults ten of each kind. So all kinds together have a limit too, in bytes: an SD card wears out
by them, wherever they are written, in the event log or in the journal.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from .answer import Answer, Sink
from .event import Event, OnEvent


@dataclass(frozen=True)
class Allowance:
    """How many events of one kind come through."""

    at_once: int
    """After a quiet time."""
    every_s: float
    """One more after this time."""


FAULTS = Allowance(at_once=10, every_s=30.0)
LABELS = Allowance(at_once=60, every_s=1.0)
"""Of announced labels, which change twice a second at most unless --hold and --smooth are 0."""
OUTPUT = Allowance(at_once=60, every_s=5.0)
"""Of lines that the commands of actions write."""
_ALLOWANCES = {"label_changed": LABELS, "action_output": OUTPUT}
_UNLIMITED = ("started", "stopped")
BYTES_AT_ONCE, BYTES_PER_S = 100_000, 300
"""Of all kinds together: some 400 events after a quiet time, and then one a second, 26 MB a day."""
_HEAD_BYTES = 110
"""Of a line, beside the event's text and facts."""


class EventLimit(Sink):
    """Limits the rate of events of each kind, by the monotonic clock and in bounded memory.

    The newest event that has to wait is kept, so that the last state is always told. It comes when its kind
    is allowed again, or at the end, with the number of those before it that were left out.

    Args:
        on_event: gets the events that come through.
        clock: monotonic seconds.
    """

    name = "the events"

    def __init__(self, on_event: OnEvent, clock: Callable[[], float] = time.monotonic) -> None:
        self._on_event = on_event
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}
        self._waiting = 0
        self._bytes = _Credit(BYTES_AT_ONCE, BYTES_PER_S, BYTES_AT_ONCE, clock())

    def event(self, event: Event) -> None:
        """Passes an event on, or keeps it until its kind is allowed again."""
        if event.kind in _UNLIMITED:
            self._on_event(event)
            return
        now_s = self._clock()
        kind = self._kinds.get(event.kind)
        if kind is None:
            allowance = _ALLOWANCES.get(event.kind, FAULTS)
            credit = _Credit(allowance.at_once, 1 / allowance.every_s, allowance.at_once, now_s)
            kind = self._kinds[event.kind] = _Kind(credit)
        self._waiting += kind.waiting is None
        kind.left_out += kind.waiting is not None
        kind.waiting = event
        self._pass_on_in_turn(now_s)

    def write(self, answer: Answer) -> None:  # noqa: ARG002 - answers are no events
        """See `Sink.write`."""
        self.idle()

    def idle(self) -> None:
        """Passes on what is allowed by now."""
        if self._waiting:
            self._pass_on_in_turn(self._clock())

    def close(self) -> None:
        """Passes on what still waits."""
        for kind in list(self._kinds.values()):
            self._pass_on(kind, self._clock(), is_end=True)

    def _pass_on_in_turn(self, now_s: float) -> None:
        """Passes on what is allowed; the kind goes first that has not come through for longest."""
        if not self._bytes.has(1, now_s):
            return
        waiting = (kind for kind in self._kinds.values() if kind.waiting is not None)
        for kind in sorted(waiting, key=lambda each: each.passed_on_s):
            self._pass_on(kind, now_s)

    def _pass_on(self, kind: "_Kind", now_s: float, *, is_end: bool = False) -> None:
        event = kind.waiting
        if event is None or not (is_end or (self._bytes.has(1, now_s) and kind.credit.has(1, now_s))):
            return
        told = _with_count(event, kind.left_out) if kind.left_out else event
        kind.credit.left -= 1
        self._bytes.left -= _size_bytes(told)  # the last one may be larger than what was left
        kind.left_out, kind.waiting = 0, None
        kind.passed_on_s = now_s
        self._waiting -= 1
        self._on_event(told)


@dataclass
class _Credit:
    """What may come now; it grows with the time."""

    most: float
    per_s: float
    left: float
    since_s: float
    """When `left` was counted."""

    def has(self, wanted: float, now_s: float) -> bool:
        """Whether so much may come now."""
        self.left = min(self.most, self.left + (now_s - self.since_s) * self.per_s)
        self.since_s = now_s
        return self.left >= wanted


@dataclass
class _Kind:
    """What has come of one kind."""

    credit: _Credit
    waiting: Event | None = None
    left_out: int = 0
    """Events before the waiting one."""
    passed_on_s: float = -inf
    """When the last one came through."""


def _size_bytes(event: Event) -> int:
    """About what its line takes in a log."""
    return _HEAD_BYTES + len(event.text.encode(errors="replace")) + len(str(dict(event.facts)))


def _with_count(event: Event, left_out: int) -> Event:
    facts: dict[str, Any] = {**event.facts, "left_out": left_out}
    return replace(event, text=f"{event.text} (after {left_out:,} more like it)", facts=facts)
