"""Frame: one picture with its number and time. OpenCamera: what a driver gives the capture process."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ..images.jpeg_header import size_px as jpeg_size_px

if TYPE_CHECKING:  # the capture process of a camera that gives JPEG runs without numpy
    import numpy as np

    from ..images.rule import ImageRule


class Prepared(NamedTuple):
    """The network's input for a whole picture, neither rotated nor mirrored."""

    rule: "ImageRule"
    image: "np.ndarray"
    """uint8 `rule.shape`, as `images.prepare` makes it."""


@dataclass(frozen=True)
class Frame:
    """One picture from a source, as it was captured."""

    picture: "np.ndarray | bytes"
    """uint8 (H, W, 3) BGR, as OpenCV gives it, or the JPEG that it came in. Channels are swapped to RGB once,
    after the resize, where it is cheap."""
    sequence: int
    """Counts the source's frames from 1; a gap means skipped frames."""
    captured_at_s: float
    """`time.monotonic()` at capture; for a video, when the frame was due."""
    name: str = ""
    """The image file that it came from; empty for cameras and videos."""
    position_s: float | None = None
    """Seconds into a video; None for everything else."""
    truth: str = ""
    """The correct label, where the source knows it, as `camera --source demo` does."""
    transform: "Callable[[np.ndarray], np.ndarray] | None" = None
    """Rotates and mirrors the pixels for display, where the camera needs that; see `View.upright`."""
    prepared: "Prepared | None" = None
    """The network's input, where the source has made it already."""
    is_frozen: bool = False
    """The camera has shown this same picture, or none since, for so long that it says nothing about now. Such
    a frame is given once: it withdraws the announced label, and is not classified."""

    @property
    def jpeg(self) -> bytes | None:
        """The JPEG that it came in; None for raw pixels, or where the picture must be transformed."""
        return self.picture if isinstance(self.picture, bytes) and self.transform is None else None

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) in pixels; for a JPEG, from its header."""
        if self.jpeg and (stated_px := jpeg_size_px(self.jpeg)):
            return stated_px
        height_px, width_px = self.pixels.shape[:2]
        return width_px, height_px

    @property
    def time_s(self) -> float:
        """The frame's time, for whatever works over time: the position in a video, else the capture time."""
        return self.captured_at_s if self.position_s is None else self.position_s

    @cached_property
    def pixels(self) -> "np.ndarray":
        """uint8 (H, W, 3) BGR; a JPEG is decoded in full on first use, which classifying does not need.

        Raises:
            BadImage: the JPEG is damaged.
        """
        pixels = self.picture
        if isinstance(pixels, bytes):
            from ..images.decode import decode  # noqa: PLC0415 - OpenCV, which a capture process does without

            pixels = decode(pixels, self.name or f"frame {self.sequence}")
        return self.transform(pixels) if self.transform else pixels


class Picture(NamedTuple):
    """One picture of an open camera."""

    content: "np.ndarray | bytes"
    """uint8 (H, W, 3) BGR, or a JPEG."""
    captured_at_s: float
    """`time.monotonic()`."""
    truth: str = ""
    """See `Frame.truth`."""


@dataclass(frozen=True)
class OpenCamera:
    """An open camera or stream, as each driver (USB, CSI, MJPEG, FFmpeg, demo) returns it."""

    pictures: Iterator[Picture | None]
    """Ends with the stream; None is a damaged picture. Raises EdgeclsError when the camera is lost."""
    width_px: int = 0
    """As the camera states it; 0 where it does not."""
    height_px: int = 0
    rate_fps: float | None = None
    """As the camera states it; None where it does not."""
