"""Where answers go: a terminal, a pipe, a file, a window."""

from dataclasses import dataclass
from typing import Protocol

from ..prediction import Prediction
from .frame import Frame


@dataclass(frozen=True)
class Timing:
    """How long one answer took."""

    prepare_ms: float
    """Crop, resize and channel swap."""
    engine_ms: float
    """The network itself."""
    age_ms: float
    """From the frame's capture to its label."""
    fps: float | None = None
    """Frames per second over the last few seconds; None until there are two."""

    @property
    def latency_ms(self) -> float:
        """From a decoded frame to its probabilities."""
        return self.prepare_ms + self.engine_ms


class Sink(Protocol):
    """Takes each answer of a camera loop, which closes it in the end. Until the first it holds nothing."""

    def write(self, frame: Frame, prediction: Prediction, timing: Timing) -> None:
        """Takes the answer to one frame; the frame's pixels are not to be changed.

        Raises:
            EdgeclsError: it cannot go on.
        """
        ...

    def idle(self) -> None:
        """Called a few times a second while no answer comes, for what must stay responsive."""

    def close(self) -> None:
        """Finishes what was written. Calling it twice is allowed.

        Raises:
            EdgeclsError: it cannot be finished.
        """
