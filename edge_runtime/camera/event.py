"""Event: something that happened to a source or a loop and that an operator wants to know."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..masking import hide_secrets

EventKind = Literal[
    "started",  # the loop begins
    "stopped",  # the loop has ended; the facts are its counts
    "label_changed",  # another label is announced
    "opened",  # the source delivers pictures, for the first time or again
    "resolution",  # the picture size changed, or a region in pixels does not fit it (any more, or again)
    "skipped",  # one image cannot be read; the others can
    "unavailable",  # the source is missing, or refuses
    "stalled",  # the source is there but delivers nothing
    "ended",  # the stream was closed properly
    "died",  # the capture process crashed or was killed
    "restarted",  # a new capture process was started
    "degraded",  # the capture process keeps crashing
    "corrupt",  # damaged pictures are being dropped
    "frozen",  # the same picture comes again and again, and is dropped
    "moving",  # the picture changes again
    "invalid_output",  # the network gave NaN or infinity
    "engine_stuck",  # the network gives no answer for a picture, or takes all memory: the loop starts again
    "disk_full",  # writing stopped: the disk is full
    "log_failed",  # the event log cannot be written, for another reason
    "events_dropped",  # events were lost, as the log could not be written for too long
    "output_failed",  # an output, such as the page or the window, fails and is tried again
    "output_works",  # it works, for the first time or again
    "output_dropped",  # what was meant for an output, such as a webhook, was dropped: it is too slow or away
    "action_output",  # a line that an action's command wrote
    "lines_dropped",  # stdout or stderr is not read fast enough, and lines are dropped
    "record_failed",  # a recording cannot be written, for another reason
    "record_resumed",  # it can be written again
    "paused",  # as was asked for, over MQTT; nothing is classified
    "resumed",  # it goes on
    "commanded",  # something else was asked for over MQTT; what, or why it is not done
    "throttled",  # too hot or throttled: the frame rate is reduced
    "cooled",  # back to the full frame rate
]


ROUTINE: tuple[EventKind, ...] = (
    "started",
    "stopped",
    "opened",
    "label_changed",
    "moving",
    "cooled",
    "restarted",
    "record_resumed",
    "output_works",
    "action_output",
    "resumed",
)
"""Kinds that are no trouble, or the end of one."""


def _no_facts() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Event:
    """One event, for people and programs."""

    kind: EventKind
    text: str
    """One line for people, without a prefix: `no frame in 5 s; trying again in 1 s`. Passwords in addresses
    are masked."""
    at_s: float = field(default_factory=time.monotonic)
    """`time.monotonic()`."""
    facts: Mapping[str, Any] = field(default_factory=_no_facts)
    """Details for programs, as JSON values: `{"label": "cat", "before": None}`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", hide_secrets(self.text))


OnEvent = Callable[[Event], None]
"""Takes an event; called in the thread that enters or reads the source."""


def ignore(event: Event) -> None:
    """An `OnEvent` that does nothing."""


def fan_out(*listeners: OnEvent) -> OnEvent:
    """Returns an `OnEvent` that calls each of `listeners` in turn."""

    def notify(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return notify
