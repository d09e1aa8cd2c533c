"""One picture from a source, with its place and time."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """A picture as the camera saw it."""

    pixels: np.ndarray
    """uint8 (H, W, 3) BGR, as OpenCV gives it. RGB is made once, after the resize, where it is cheap."""
    sequence: int
    """Counts the source's frames from 1; a gap means frames that nobody saw."""
    captured_at_s: float
    """`time.monotonic()` at capture."""
    name: str = ""
    """The image file that it came from; empty for cameras and videos."""
