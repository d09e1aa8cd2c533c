"""What a capture process asks of whatever knows a kind of camera: open it, and give its pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Picture(NamedTuple):
    """One picture, as the camera gave it."""

    content: "np.ndarray | bytes"
    """uint8 (H, W, 3) BGR, or a JPEG."""
    captured_at_s: float
    """`time.monotonic()`."""
    truth: str = ""
    """See `Frame.truth`."""


@dataclass(frozen=True)
class Opened:
    """A camera that is open."""

    pictures: Iterator[Picture | None]
    """Until the stream ends; None for a picture that came damaged. Raises EdgeclsError when the camera
    goes."""
    width_px: int = 0
    height_px: int = 0
    rate_fps: float | None = None
    """As the camera states them; 0 and None where it does not."""
