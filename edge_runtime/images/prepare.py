"""Image preparation: from a file or a frame to a network's input, by one path for all.

Training, export, benchmarks and the camera go through these functions, so that training and serving cannot
drift apart. A picture is decoded to BGR by `decode.py`, cropped and resized by the `ImageRule` of the model
card, and turned to the network's channels last, where there are fewest pixels. A JPEG can take a shorter
path, `prepare_jpeg`: it is decoded at the smallest scale that still covers the network's input well.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .decode import decode, decode_jpeg
from .jpeg_header import JpegHeader, is_usable, read_header
from .opencv import cv2
from .rule import Box, ImageRule, crop_box, reduction
from .several import check_single


def prepare(pixels: np.ndarray, rule: ImageRule) -> np.ndarray:
    """Crops, resizes and swaps channels: uint8 (H, W, 3) BGR of any size to the network's uint8 input.

    Returns:
        uint8 `rule.shape`, RGB unless `rule.channels` says otherwise; contiguous.
    """
    if pixels.shape == (rule.height_px, rule.width_px, 3) and not rule.resize_to_px:
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if rule.channels == "rgb" else _otherwise(pixels, rule)
    return prepare_box(pixels, crop_box(pixels.shape[0], pixels.shape[1], rule), rule)


def prepare_box(pixels: np.ndarray, box: Box, rule: ImageRule, scale: int = 1) -> np.ndarray:
    """Resizes and swaps channels as `prepare`, with the crop given as a box.

    Args:
        pixels: uint8 (H, W, 3) BGR.
        box: what the network sees, in pixels of the whole picture.
        rule: gives the size and the interpolation.
        scale: 2, 4 or 8 if `pixels` are the picture at 1/scale of its size; see `decode_jpeg`.
    """
    if scale == 1:
        part = _reduce_first(_cut(pixels, box), rule)
    else:
        part = _resize_to_multiple(pixels, box, rule, scale)
    height_px, width_px = part.shape[:2]
    if (height_px, width_px) != (rule.height_px, rule.width_px):
        shrinks = height_px >= rule.height_px and width_px >= rule.width_px
        # OpenCV's INTER_AREA is a true average only when shrinking.
        method = cv2.INTER_AREA if shrinks and rule.interpolation == "area" else cv2.INTER_LINEAR
        part = cv2.resize(part, (rule.width_px, rule.height_px), interpolation=method)
    if rule.channels == "rgb":
        return cv2.cvtColor(part, cv2.COLOR_BGR2RGB)
    return _otherwise(part, rule)


def _otherwise(pixels: np.ndarray, rule: ImageRule) -> np.ndarray:
    """Returns uint8 (H, W, 3) BGR in the channels of a rule that is not RGB, in an array of its own."""
    return pixels.copy() if rule.channels == "bgr" else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)[..., None]


def to_bgr(image: np.ndarray, rule: ImageRule) -> np.ndarray:
    """Returns a network's input, uint8 `rule.shape`, as a picture: uint8 (H, W, 3) BGR."""
    if rule.channels == "bgr":
        return image
    return cv2.cvtColor(image, cv2.COLOR_RGB2BGR if rule.channels == "rgb" else cv2.COLOR_GRAY2BGR)


def _cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    return pixels[box.top_px : box.top_px + box.height_px, box.left_px : box.left_px + box.width_px]


def _reduce_first(part: np.ndarray, rule: ImageRule) -> np.ndarray:
    """Averages a large part over whole blocks first, as a JPEG decoder does, unless it is a multiple.

    Averaging over 22.5 x 22.5 pixels takes four times as long as over 8 x 8 and then over the rest. Cutting
    to the largest multiple of the network's input that fits would be as fast, but shows another view: with
    704 of 720 rows, 5 % of 400 noisy frames got another label.
    """
    height_px, width_px = part.shape[:2]
    is_multiple = height_px % rule.height_px == 0 and width_px % rule.width_px == 0
    if is_multiple or rule.interpolation != "area":
        return part
    covered = min(height_px / rule.height_px, width_px / rule.width_px)
    scale = reduction(covered)
    if scale == 1 or height_px % scale or width_px % scale:
        return part
    blocks = cv2.resize(part, (width_px // scale, height_px // scale), interpolation=cv2.INTER_AREA)
    return _resize_to_multiple(blocks, Box(0, 0, height_px, width_px), rule, scale)


def _resize_to_multiple(pixels: np.ndarray, box: Box, rule: ImageRule, scale: int) -> np.ndarray:
    """Enlarges a box of a reduced picture to the next multiple of the network's input.

    A pixel of it is already the mean of a block. Averaging over parts of it would give both neighbours the
    same value: of 300 noisy 640x480 frames, 2.3 % then got another label than from the whole picture; with
    enlarging it is 0.7 %. It takes no longer, as averaging over whole pixels is much faster.
    """
    top, left, high, wide = (edge / scale for edge in box)
    height_px = math.ceil(high / rule.height_px) * rule.height_px
    width_px = math.ceil(wide / rule.width_px) * rule.width_px
    if not any(edge % scale for edge in box):
        part = pixels[int(top) : int(top + high), int(left) : int(left + wide)]
        if part.shape[:2] == (height_px, width_px):
            return part
        return cv2.resize(part, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    # The edges lie inside pixels, which takes several times as long. A pixel's centre is at one half.
    step_y, step_x = high / height_px, wide / width_px
    to_reduced = np.array([[step_x, 0, left + step_x / 2 - 0.5], [0, step_y, top + step_y / 2 - 0.5]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        pixels, to_reduced, (width_px, height_px), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )


def prepare_file(content: bytes, rule: ImageRule, name: str) -> np.ndarray:
    """Decodes and prepares an image file of any kind: in training, export, benchmarks and `edgecls predict`.

    With `rule.decode` being `reduced`, a JPEG gives the bytes that `prepare_jpeg` gives of a camera's.

    Returns:
        uint8 `rule.shape`, as `prepare`.

    Raises:
        BadImage: not an image, damaged, over `MAX_PIXELS`, or several pictures in one file; `name` is what
            the message calls it.
    """
    check_single(content, name)
    if rule.decode == "reduced":
        return prepare_jpeg(content, rule, name)
    return prepare(decode(content, name, rule), rule)


def prepare_jpeg(content: bytes, rule: ImageRule, name: str = "picture") -> np.ndarray:
    """Decodes and prepares a JPEG, in at most half the time of `prepare(decode(...))`.

    Returns:
        uint8 `rule.shape`, as `prepare`, of the same part of the picture. Values differ by about 1, as
        the decoder does part of the averaging.

    Raises:
        BadImage: damaged, truncated, or over `MAX_PIXELS`; `name` is what the message calls it.
    """
    part = decode_reduced(content, rule, lambda height, width: crop_box(height, width, rule), name)
    return prepare_box(part.pixels, part.box, rule, part.scale)


class Reduced(NamedTuple):
    """A picture decoded at 1/scale of its size, for `prepare_box`."""

    pixels: np.ndarray
    """uint8 (H / scale, W / scale, 3) BGR, rounded up."""
    box: Box
    """What the network sees, in pixels of the whole picture."""
    scale: int
    """8, 4, 2, or 1 for the whole picture."""


def decode_reduced(
    content: bytes, rule: ImageRule, box_of: Callable[[int, int], Box], name: str = "picture"
) -> Reduced:
    """Decodes a JPEG at the smallest scale that still gives the network enough pixels, see `COVER`.

    With `linear` interpolation, which reads single pixels of the whole picture, it is decoded in full.

    Args:
        content: the JPEG's bytes; another image is decoded in full.
        rule: how the box becomes the network's input.
        box_of: returns the box for the whole picture's height and width in pixels.
        name: what a message calls the picture.

    Raises:
        BadImage: damaged, truncated, or over `MAX_PIXELS`.
    """
    header = read_header(content)
    if header and header.width_px and header.height_px and is_usable(content, header):
        box = box_of(header.height_px, header.width_px)
        scale = _smallest_scale(box, rule, header)
        pixels = decode_jpeg(content, header, name, scale)
        if scale == 1:
            return Reduced(pixels, box_of(*pixels.shape[:2]), 1)
        # If OpenCV turned it otherwise than the header says, the box would be a different one.
        if pixels.shape[:2] == header.reduced_shape(scale):
            return Reduced(pixels, box, scale)
    pixels = decode(content, name, rule)
    return Reduced(pixels, box_of(*pixels.shape[:2]), 1)


def _smallest_scale(box: Box, rule: ImageRule, header: JpegHeader) -> int:
    """Returns n if the picture should be decoded at 1/n of its size.

    At 1/8 the decoder needs one coefficient of each 8x8 block; at 1/4, four; at 1/2, sixteen.
    """
    if rule.interpolation != "area":
        return 1
    covered = min(box.height_px / rule.height_px, box.width_px / rule.width_px)
    scale = reduction(covered)
    # A last block of fewer than n pixels comes first after turning, and shifts the others.
    is_moved = header.orientation != 1 and (header.width_px % scale or header.height_px % scale)
    return 1 if is_moved else scale
