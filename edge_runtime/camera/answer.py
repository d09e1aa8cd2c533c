"""Answer: what the loop found out about one frame, and the sink that takes it."""

from dataclasses import dataclass
from typing import Protocol

from ..prediction import Prediction
from .decision import Decision
from .event import Event
from .frame import Frame
from .rates import Ages


@dataclass(frozen=True)
class Timing:
    """How long one answer took."""

    prepare_ms: float
    """Preprocessing: decode, crop, resize and channel swap."""
    engine_ms: float
    """Inference alone."""
    age_ms: float
    """From the frame's capture to its label."""
    fps: float | None = None
    """Frames per second over the last few seconds; None before the second frame."""
    recent_ages: Ages | None = None
    """Percentiles over the last minute, updated once a second; None before the second frame."""

    @property
    def latency_ms(self) -> float:
        """Preprocessing and inference together."""
        return self.prepare_ms + self.engine_ms


@dataclass(frozen=True)
class Answer:
    """A frame, what the network says of it, and what is announced."""

    frame: Frame
    prediction: Prediction
    """Of this frame alone."""
    decision: Decision
    """What is announced, taking earlier frames into account."""
    timing: Timing

    @property
    def announced(self) -> str | None:
        """The announced label; None for "unknown"."""
        return self.decision.shown.label


@dataclass(frozen=True)
class Deliveries:
    """What became of the items that a courier was offered, but those that still wait; see `courier.py`."""

    name: str
    """Where to, without secrets: `cup webhook:https://ntfy.sh`."""
    done: int = 0
    failed: int = 0
    """Given up: refused, too old, or a command that failed."""
    dropped: int = 0
    """The oldest, where too many waited; and those that waited at the end."""
    skipped: int = 0
    """Left out, or interrupted for a newer one, as was asked for."""


class Sink(Protocol):
    """Takes the answers of a camera loop: a terminal, a pipe, a file, a window, a page.

    The loop closes its sinks when it ends. A sink must acquire nothing before its first call.
    """

    name: str = "an output"
    """What messages call it."""
    dropped: int = 0
    """Lines that it could not get rid of; see `BackgroundOutput`."""
    remark: str = ""
    """What people should know of the finished output, such as that it holds some frames only."""
    deliveries: tuple[Deliveries, ...] = ()
    """Of each of its couriers."""

    def write(self, answer: Answer) -> None:
        """Takes the answer to one frame; must not modify the frame's pixels.

        Raises:
            EdgeclsError: the sink cannot go on.
        """
        ...

    def idle(self) -> None:
        """Called a few times a second while no answer comes, for sinks that must stay responsive."""

    def close(self) -> None:
        """Finishes the output. May be called twice.

        Raises:
            EdgeclsError: the output cannot be finished.
        """


def announcement(answer: Answer) -> Event:
    """Returns the `label_changed` event of an answer whose decision changed: `cat 93.1% (was dog)`.

    Its facts: `label` and `before`, null for "unknown"; `confidence` of the best label; `frame`, its sequence
    number; for a video, `position_s`.
    """
    decision, frame = answer.decision, answer.frame
    shown = decision.shown
    label = f"{shown.label} {shown.confidence:.1%}" if shown.label else "unknown"
    facts = {
        "label": shown.label,
        "before": decision.before,
        "confidence": round(shown.confidence, 6),
        "frame": frame.sequence,
        **({} if frame.position_s is None else {"position_s": round(frame.position_s, 3)}),
    }
    return Event("label_changed", f"{label} (was {decision.before or 'unknown'})", facts=facts)
