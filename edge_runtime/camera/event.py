"""Something that happened to a source or a loop and that an operator wants to know."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EventKind = Literal[
    "started",  # the loop begins
    "stopped",  # and has ended: with what it counted
    "label_changed",  # another label is announced
    "opened",  # the source gives pictures, for the first time or again
    "resolution",  # its pictures have another size from here on
    "skipped",  # one image cannot be read; the rest can
    "unavailable",  # it is not there, or refuses
    "stalled",  # it is there and gives nothing
    "ended",  # it closed the stream properly
    "died",  # the capture process crashed or was killed
    "restarted",  # and another took its place
    "degraded",  # which happens again and again
    "corrupt",  # pictures arrive damaged: they are dropped
    "frozen",  # it gives the same picture again and again: dropped too
    "moving",  # and that is over
    "invalid_output",  # the network gave NaN or infinity for its pictures
    "disk_full",  # what is being written ends here
    "log_failed",  # the event log cannot be written for another reason
    "events_dropped",  # that lasted so long that some were lost
    "record_failed",  # as does a recording that cannot be written for another reason
    "throttled",  # the machine is too hot, or its clock held down: fewer frames per second
    "cooled",  # and that is over
]


@dataclass(frozen=True)
class Event:
    """One happening."""

    kind: EventKind
    text: str
    """The line that a person reads, without a prefix: `no frame in 5 s; trying again in 1 s`."""
    at_s: float = field(default_factory=time.monotonic)
    """`time.monotonic()`."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What a program wants to know of it, as values for JSON: `{"label": "cat", "before": None}`."""


OnEvent = Callable[[Event], None]
"""Called from within `Source.read` and on entering a source, in the thread that reads."""


def ignore(event: Event) -> None:
    """For a reader that wants frames only."""


def tell_all(*listeners: OnEvent) -> OnEvent:
    """Calls each of them in turn."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell
