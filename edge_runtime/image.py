"""The one way from a picture to a network's input, for training, export, benchmarks and the camera alike."""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from . import jpeg
from .errors import BadImage
from .files import read_whole
from .opencv import cv2
from .pixel_limit import MAX_PIXELS

_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
COVER = 1.5
"""Pixels of a reduced picture for each of the network's, along a side, at least. Of 300 frames of 352x288,
6 % got another label than from the whole picture with 1.1, and 0.7 % with 2.25."""


@dataclass(frozen=True)
class ImageRule:
    """How a picture of any size becomes a network's input; the model card carries it to the device."""

    height_px: int
    width_px: int
    crop: Literal["center", "stretch"] = "center"
    """`center` cuts the largest centred box of the network's aspect ratio; `stretch` cuts nothing."""
    interpolation: Literal["area", "linear"] = "area"
    """`area` averages every pixel when shrinking; `linear` reads four of them, and so is aliased."""


class Box(NamedTuple):
    """A part of a picture, in pixels."""

    top_px: int
    left_px: int
    height_px: int
    width_px: int


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
    if jpeg.is_jpeg(content) and not jpeg.is_whole(content):
        raise BadImage(f"{name}: the JPEG is cut short; copy it again")
    pixels = decode_at(content, scale=1)
    if pixels is None:
        raise BadImage(f"{name}: not an image; use JPEG, PNG, BMP, WebP, GIF or TIFF")
    return pixels


def decode_at(content: bytes, scale: int) -> np.ndarray | None:
    """Decodes at 1/scale of the picture's size, rounded up, without the checks of `decode`.

    Args:
        content: the image.
        scale: 1, 2, 4 or 8.

    Returns:
        uint8 (H / scale, W / scale, 3) BGR, or None where it is no image.
    """
    if not content:
        return None
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), _FLAGS[scale])
    except cv2.error:
        return None


def read_image(path: str | Path) -> np.ndarray:
    """Reads and decodes an image file to uint8 (H, W, 3) BGR; errors as `decode` and `read_whole`."""
    return decode(read_whole(path), str(path))


def prepare(pixels: np.ndarray, rule: ImageRule) -> np.ndarray:
    """Crops, resizes and swaps channels: uint8 (H, W, 3) BGR of any size to the network's uint8 RGB input.

    Returns:
        uint8 (rule.height_px, rule.width_px, 3) RGB, contiguous. Channels are swapped last, where
        there are fewest pixels.
    """
    if pixels.shape == (rule.height_px, rule.width_px, 3):
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    return prepare_box(pixels, crop_box(pixels.shape[0], pixels.shape[1], rule), rule)


def prepare_box(pixels: np.ndarray, box: Box, rule: ImageRule, scale: int = 1) -> np.ndarray:
    """`prepare` for a known box.

    Args:
        pixels: uint8 (H, W, 3) BGR.
        box: of the whole picture.
        rule: gives the size and the interpolation.
        scale: 2, 4 or 8 where `pixels` are the picture at 1/scale of its size; see `decode_at`.
    """
    if scale == 1:
        part = _shrunk_first(_cut(pixels, box), rule)
    else:
        part = _in_whole_blocks(pixels, box, rule, scale)
    height_px, width_px = part.shape[:2]
    if (height_px, width_px) != (rule.height_px, rule.width_px):
        shrinks = height_px >= rule.height_px and width_px >= rule.width_px
        # OpenCV's INTER_AREA is a true average only when shrinking.
        method = cv2.INTER_AREA if shrinks and rule.interpolation == "area" else cv2.INTER_LINEAR
        part = cv2.resize(part, (rule.width_px, rule.height_px), interpolation=method)
    return cv2.cvtColor(part, cv2.COLOR_BGR2RGB)


def _cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    return pixels[box.top_px : box.top_px + box.height_px, box.left_px : box.left_px + box.width_px]


def _shrunk_first(part: np.ndarray, rule: ImageRule) -> np.ndarray:
    """Averages a large part over whole blocks, as a JPEG's decoder does, where it has no whole multiple.

    Averaging over 22.5 x 22.5 pixels takes four times as long as over 8 x 8 and then over the rest. The
    largest whole multiple of the network's input that fits would be as fast, but 704 of 720 rows are another
    view: 5 % of 400 noisy frames got another label.
    """
    height_px, width_px = part.shape[:2]
    is_whole = height_px % rule.height_px == 0 and width_px % rule.width_px == 0
    if is_whole or rule.interpolation != "area":
        return part
    covered = min(height_px / rule.height_px, width_px / rule.width_px)
    scale = reduction(covered)
    if scale == 1 or height_px % scale or width_px % scale:
        return part
    blocks = cv2.resize(part, (width_px // scale, height_px // scale), interpolation=cv2.INTER_AREA)
    return _in_whole_blocks(blocks, Box(0, 0, height_px, width_px), rule, scale)


def reduction(covered: float) -> int:
    """By how much, 8, 4, 2 or 1, a picture with `covered` pixels for each of the network's may be reduced."""
    return next((scale for scale in (8, 4, 2) if scale * COVER <= covered), 1)


def _in_whole_blocks(pixels: np.ndarray, box: Box, rule: ImageRule, scale: int) -> np.ndarray:
    """Enlarges a box of a reduced picture to the next whole multiple of the network's input.

    A pixel of it is the mean of a block already, and averaging would give the same to both pixels that share
    it: of 300 noisy 640x480 frames 2.3 % then got another label than from the whole picture, and 0.7 % so. It
    takes no longer, as averaging over whole pixels is so much faster.
    """
    top, left, high, wide = (edge / scale for edge in box)
    height_px = math.ceil(high / rule.height_px) * rule.height_px
    width_px = math.ceil(wide / rule.width_px) * rule.width_px
    if not any(edge % scale for edge in box):
        part = pixels[int(top) : int(top + high), int(left) : int(left + wide)]
        if part.shape[:2] == (height_px, width_px):
            return part
        return cv2.resize(part, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    # The edges lie within pixels; this takes several times as long. A pixel's centre lies at a half.
    step_y, step_x = high / height_px, wide / width_px
    to_reduced = np.array([[step_x, 0, left + step_x / 2 - 0.5], [0, step_y, top + step_y / 2 - 0.5]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        pixels, to_reduced, (width_px, height_px), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )


def crop_box(height_px: int, width_px: int, rule: ImageRule) -> Box:
    """The box of a picture of this size that the network sees."""
    if rule.crop == "stretch":
        return Box(0, 0, height_px, width_px)
    factor = min(height_px / rule.height_px, width_px / rule.width_px)
    box_height_px = max(1, round(rule.height_px * factor))
    box_width_px = max(1, round(rule.width_px * factor))
    top_px, left_px = (height_px - box_height_px) // 2, (width_px - box_width_px) // 2
    return Box(top_px, left_px, box_height_px, box_width_px)


def _size_in_header(content: bytes) -> tuple[int, int]:
    """(width, height) in pixels as the header states it; (-1, -1) where there is none that can be read."""
    if jpeg.is_jpeg(content):
        return jpeg.size_px(content) or (-1, -1)
    import imagesize  # noqa: PLC0415 - it loads xml and urllib: 20 ms that a camera need not wait for

    try:
        return imagesize.get(io.BytesIO(content))
    except Exception:  # a header of random bytes can break its parser anywhere
        return -1, -1
