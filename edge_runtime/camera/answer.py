"""What the loop found out about one frame: the value that goes to every sink."""

from dataclasses import dataclass

from ..prediction import Prediction
from .decision import Decision
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
