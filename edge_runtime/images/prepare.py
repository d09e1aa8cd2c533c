"""The one way from a picture to a network's input, for training, export, benchmarks and the camera alike."""

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import BadImage
from ..files import read_whole
from . import jpeg_header
from .jpeg_header import MAX_PIXELS, JpegHeader, is_whole, read_header
from .opencv import cv2
from .rule import Box, ImageRule, crop_box, reduction

_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def decode(content: bytes, name: str) -> np.ndarray:
    """Decodes a JPEG, PNG, BMP, WebP, GIF or TIFF to uint8 (H, W, 3) BGR.

    Grey, RGBA, 16-bit and CMYK images are converted; the orientation in EXIF is applied.

    Raises:
        BadImage: not an image, truncated, or over `MAX_PIXELS`; `name` is what the message calls it.
    """
    width_px, height_px = _size_in_header(content)
    if width_px * height_px > MAX_PIXELS:
        raise BadImage(
            f"{name}: {width_px * height_px / 1e6:,.0f} megapixels; the limit is {MAX_PIXELS / 1e6:.0f}"
        )
    if jpeg_header.is_jpeg(content) and not jpeg_header.is_whole(content):
        raise BadImage(f"{name}: the JPEG is truncated; copy it again")
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


def _size_in_header(content: bytes) -> tuple[int, int]:
    """(width, height) in pixels as the header states it; (-1, -1) where there is none that can be read."""
    if jpeg_header.is_jpeg(content):
        return jpeg_header.size_px(content) or (-1, -1)
    import imagesize  # noqa: PLC0415 - it loads xml and urllib: 20 ms that a camera need not wait for

    try:
        return imagesize.get(io.BytesIO(content))
    except Exception:  # a header of random bytes can break its parser anywhere
        return -1, -1


class Reduced(NamedTuple):
    """A picture that was decoded at 1/scale of its size; see `image.prepare_box`."""

    pixels: np.ndarray
    """uint8 (H / scale, W / scale, 3) BGR, rounded up."""
    box: Box
    """What the network sees, in pixels of the whole picture."""
    scale: int
    """8, 4, 2, or 1 for the whole picture."""


def prepare_jpeg(content: bytes, rule: ImageRule, name: str = "picture") -> np.ndarray:
    """From a JPEG to the network's input, in half the time of `image.prepare(image.decode(...))` or less.

    Returns:
        uint8 (rule.height_px, rule.width_px, 3) RGB, of the same part of the picture. Its bytes differ by
        about 1, as the decoder averages where `prepare` would.

    Raises:
        BadImage: damaged, truncated, or over `MAX_PIXELS`; `name` is what the message calls it.
    """
    part = decode_reduced(content, rule, lambda height, width: crop_box(height, width, rule), name)
    return prepare_box(part.pixels, part.box, rule, part.scale)


def decode_reduced(
    content: bytes, rule: ImageRule, box_of: Callable[[int, int], Box], name: str = "picture"
) -> Reduced:
    """Decodes a JPEG at the smallest scale at which the box that the network sees covers its input well.

    A rule with `linear` interpolation reads single pixels of the whole picture: then it is decoded in full.

    Args:
        content: the JPEG.
        rule: how the box becomes the network's input.
        box_of: from the whole picture's (height, width) in pixels to the box.
        name: what a message calls it.

    Raises:
        BadImage: damaged, truncated, or over `MAX_PIXELS`.
    """
    header = read_header(content)
    if header and 0 < header.width_px * header.height_px <= MAX_PIXELS and is_whole(content):
        box = box_of(header.height_px, header.width_px)
        scale = _smallest_scale(box, rule, header)
        pixels = decode_at(content, scale) if scale > 1 else None
        # Where OpenCV turned it otherwise than the header made us expect, the box would be another one.
        if pixels is not None and pixels.shape[:2] == header.reduced_shape(scale):
            return Reduced(pixels, box, scale)
    pixels = decode(content, name)
    return Reduced(pixels, box_of(*pixels.shape[:2]), 1)


def _smallest_scale(box: Box, rule: ImageRule, header: JpegHeader) -> int:
    """n, where the picture is to be decoded at 1/n of its size.

    At 1/8 it needs one coefficient of each 8x8 block; at 1/4, four; at 1/2, sixteen.
    """
    if rule.interpolation != "area":
        return 1
    covered = min(box.height_px / rule.height_px, box.width_px / rule.width_px)
    scale = reduction(covered)
    # A last pixel that stands for fewer than n comes first when it is turned, and moves the others.
    is_moved = header.orientation != 1 and (header.width_px % scale or header.height_px % scale)
    return 1 if is_moved else scale
