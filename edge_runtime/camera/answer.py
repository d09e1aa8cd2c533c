"""What the loop found out about one frame: the value that goes to every sink."""

from dataclasses import dataclass

from ..classifier import Prediction
from .decision import Decision
from .event import Event
from .frame import Frame
from .rates import Ages


@dataclass(frozen=True)
class Timing:
    """How long one answer took."""

    prepare_ms: float
    """From the frame as it came to the network's input: decode, crop, resize and channel swap."""
    engine_ms: float
    """The network itself."""
    age_ms: float
    """From the frame's capture to its label."""
    fps: float | None = None
    """Frames per second over the last few seconds; None until there are two."""
    recent_ages: Ages | None = None
    """Over the last minute, at most a second old; None until there are two frames."""

    @property
    def latency_ms(self) -> float:
        """From the frame as it came to its probabilities."""
        return self.prepare_ms + self.engine_ms


@dataclass(frozen=True)
class Answer:
    """One frame, classified."""

    frame: Frame
    prediction: Prediction
    """Of this frame alone."""
    decision: Decision
    """What is announced, with the frames before it in mind."""
    timing: Timing


# The event that another label is announced.


def announcement(answer: Answer) -> Event:
    """`cat 93.1% (was dog)`, of an answer whose decision changed.

    Its facts: `label` and `before`, null for "unknown"; `confidence` of the best label; `frame`, its sequence
    number; of a video `position_s`.
    """
    decision, frame = answer.decision, answer.frame
    shown = decision.shown
    said = f"{shown.label} {shown.confidence:.1%}" if shown.label else "unknown"
    facts = {
        "label": shown.label,
        "before": decision.before,
        "confidence": round(shown.confidence, 6),
        "frame": frame.sequence,
        **({} if frame.position_s is None else {"position_s": round(frame.position_s, 3)}),
    }
    return Event("label_changed", f"{said} (was {decision.before or 'unknown'})", facts=facts)
