"""The one way from a picture to a network's input, for training, export, benchmarks and the camera alike."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from .errors import BadImage
from .files import read_whole
from .opencv import cv2
from .pixel_limit import MAX_PIXELS


@dataclass(frozen=True)
class ImageRule:
    """How a picture of any size becomes a network's input; the model card carries it to the device."""

    height_px: int
    width_px: int
    crop: Literal["center", "stretch"] = "center"
    """`center` cuts the largest centred box of the network's aspect ratio; `stretch` cuts nothing."""
    interpolation: Literal["area", "linear"] = "area"
    """`area` averages every pixel when shrinking; `linear` reads four of them, and so is aliased."""


def decode(content: bytes, name: str) -> np.ndarray:
    """Decodes a JPEG, PNG, BMP, WebP, GIF or TIFF to uint8 (H, W, 3) BGR.

    Grey, RGBA, 16-bit and CMYK images are converted; the orientation in EXIF is applied.

    Raises:
        BadImage: not an image, cut short, or over `MAX_PIXELS`; `name` is what the message calls it.
    """
    width_px, height_px = _size_in_header(content)
    if width_px * height_px > MAX_PIXELS:
        raise BadImage(
            f"{name}: {width_px * height_px / 1e6:,.0f} megapixels; the limit is {MAX_PIXELS / 1e6:.0f}"
        )
    if _is_cut_jpeg(content):
        raise BadImage(f"{name}: the JPEG is cut short; copy it again")
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise BadImage(f"{name}: not an image; use JPEG, PNG, BMP, WebP, GIF or TIFF")
    return pixels


def read_image(path: str | Path) -> np.ndarray:
    """Reads and decodes an image file to uint8 (H, W, 3) BGR; errors as `decode` and `read_whole`."""
    return decode(read_whole(path), str(path))


def prepare(pixels: np.ndarray, rule: ImageRule) -> np.ndarray:
    """Crops, resizes and swaps channels: uint8 (H, W, 3) BGR of any size to the network's uint8 RGB input.

    Returns:
        uint8 (rule.height_px, rule.width_px, 3) RGB, contiguous. Channels are swapped last, where
        there are fewest pixels.
    """
    top, left, height_px, width_px = crop_box(pixels.shape[0], pixels.shape[1], rule)
    box = pixels[top : top + height_px, left : left + width_px]
    if (height_px, width_px) != (rule.height_px, rule.width_px):
        shrinks = height_px >= rule.height_px and width_px >= rule.width_px
        # OpenCV's INTER_AREA is a true average only when shrinking.
        method = cv2.INTER_AREA if shrinks and rule.interpolation == "area" else cv2.INTER_LINEAR
        box = cv2.resize(box, (rule.width_px, rule.height_px), interpolation=method)
    return cv2.cvtColor(box, cv2.COLOR_BGR2RGB)


def crop_box(height_px: int, width_px: int, rule: ImageRule) -> tuple[int, int, int, int]:
    """The box (top, left, height, width) of a picture that the network sees, in pixels.

    A `center` box is trimmed to a whole multiple of the network's input where that costs at most one
    sixteenth of it: averaging over whole blocks of pixels is several times faster (720 rows to 32:
    1,220-1,570 microseconds; cropped to 704 first: 310).
    """
    if rule.crop == "stretch":
        return 0, 0, height_px, width_px
    factor = min(height_px / rule.height_px, width_px / rule.width_px)
    whole = int(factor)
    if whole and (factor - whole) * 16 <= factor:
        factor = whole
    box_height_px = max(1, round(rule.height_px * factor))
    box_width_px = max(1, round(rule.width_px * factor))
    return (height_px - box_height_px) // 2, (width_px - box_width_px) // 2, box_height_px, box_width_px


def _size_in_header(content: bytes) -> tuple[int, int]:
    """(width, height) in pixels as the header states it; (-1, -1) where there is none that can be read."""
    import imagesize  # noqa: PLC0415 - it loads xml and urllib: 20 ms that a camera need not wait for

    try:
        return imagesize.get(io.BytesIO(content))
    except Exception:  # a header of random bytes can break its parser anywhere
        return -1, -1


def _is_cut_jpeg(content: bytes) -> bool:
    """Whether a JPEG lacks its end marker: OpenCV fills what is missing with grey and says nothing.

    Entropy-coded data never holds FF DA, so its last occurrence starts the picture itself (an EXIF
    thumbnail comes before), and FF D9 must follow.
    """
    return content.startswith(b"\xff\xd8") and content.find(b"\xff\xd9", content.rfind(b"\xff\xda")) < 0
