"""One picture from a source, with its place and time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..images.jpeg_header import size_px as jpeg_size_px

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Frame:
    """A picture as the camera saw it."""

    picture: "np.ndarray | bytes"
    """uint8 (H, W, 3) BGR, as OpenCV gives it, or the JPEG that it came in. RGB is made once, after the
    resize, where it is cheap."""
    sequence: int
    """Counts the source's frames from 1; a gap means frames that nobody saw."""
    captured_at_s: float
    """`time.monotonic()` at capture; of a video's frame, when it was due."""
    name: str = ""
    """The image file that it came from; empty for cameras and videos."""
    position_s: float | None = None
    """Seconds into a video; None for everything else."""
    truth: str = ""
    """The label that it should get, where the source knows; see `camera --source demo`."""
    turn: "Callable[[np.ndarray], np.ndarray] | None" = None
    """What makes of the picture what people see, where that is not the same; see `View.seen`."""

    @property
    def jpeg(self) -> bytes | None:
        """The JPEG that it came in, if it did and is to be seen as it came."""
        return self.picture if isinstance(self.picture, bytes) and self.turn is None else None

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height); of a JPEG, as its header says."""
        if self.jpeg and (stated_px := jpeg_size_px(self.jpeg)):
            return stated_px
        height_px, width_px = self.pixels.shape[:2]
        return width_px, height_px

    @property
    def time_s(self) -> float:
        """The clock of whatever takes time from frame to frame: a video's own, else that of the capture."""
        return self.captured_at_s if self.position_s is None else self.position_s

    @cached_property
    def pixels(self) -> "np.ndarray":
        """uint8 (H, W, 3) BGR; of a JPEG, decoded in full on first use: classifying needs less.

        Raises:
            BadImage: the JPEG is damaged.
        """
        pixels = self.picture
        if isinstance(pixels, bytes):
            from ..images.prepare import decode  # noqa: PLC0415

            pixels = decode(pixels, f"frame {self.sequence}")
        return self.turn(pixels) if self.turn else pixels
