"""Event limit: lets the first events of each kind through at once, and later ones at a steady rate.

A camera that gives good and bad pictures in turn would write ten lines a second for months.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
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
_UNLIMITED = ("started", "stopped")


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

    def event(self, event: Event) -> None:
        """Passes an event on, or keeps it until its kind is allowed again."""
        if event.kind in _UNLIMITED:
            self._on_event(event)
            return
        now_s = self._clock()
        kind = self._kinds.get(event.kind)
        if kind is None:
            allowance = LABELS if event.kind == "label_changed" else FAULTS
            kind = self._kinds[event.kind] = _Kind(allowance, float(allowance.at_once), now_s)
        self._waiting += kind.waiting is None
        kind.left_out += kind.waiting is not None
        kind.waiting = event
        self._pass_on(kind, now_s)

    def write(self, answer: Answer) -> None:  # noqa: ARG002 - answers are no events
        """See `Sink.write`."""
        self.idle()

    def idle(self) -> None:
        """Passes on what is allowed by now."""
        if self._waiting:
            now_s = self._clock()
            for kind in list(self._kinds.values()):
                self._pass_on(kind, now_s)

    def close(self) -> None:
        """Passes on what still waits."""
        for kind in list(self._kinds.values()):
            self._pass_on(kind, self._clock(), is_end=True)

    def _pass_on(self, kind: "_Kind", now_s: float, *, is_end: bool = False) -> None:
        event = kind.waiting
        if event is None or not (kind.takes(now_s) or is_end):
            return
        left_out, kind.left_out, kind.waiting = kind.left_out, 0, None
        self._waiting -= 1
        self._on_event(_with_count(event, left_out) if left_out else event)


@dataclass
class _Kind:
    """What has come of one kind."""

    allowance: Allowance
    credit: float
    """Events that may come now."""
    since_s: float
    """When the credit was counted."""
    waiting: Event | None = None
    left_out: int = 0
    """Events before the waiting one."""

    def takes(self, now_s: float) -> bool:
        """Takes one event from the credit, if there is one."""
        grown = self.credit + (now_s - self.since_s) / self.allowance.every_s
        self.credit, self.since_s = min(grown, float(self.allowance.at_once)), now_s
        if self.credit < 1:
            return False
        self.credit -= 1
        return True


def _with_count(event: Event, left_out: int) -> Event:
    facts: dict[str, Any] = {**event.facts, "left_out": left_out}
    return replace(event, text=f"{event.text} (after {left_out:,} more like it)", facts=facts)
