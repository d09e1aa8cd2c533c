"""JPEG, as cameras give it: what its header says, whether it is whole, and as much of it as a network needs.

A capture process imports this module to look at what it passes on, so OpenCV and numpy are not loaded here
before a picture is decoded.
"""

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from .pixel_limit import MAX_PIXELS

if TYPE_CHECKING:
    import numpy as np

    from .image import Box, ImageRule

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_APP1, _SOS = 0xE1, 0xDA
_FRAME_STARTS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15; the three among them are DHT, JPG and DAC."""
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
"""Not a marker, TEM, RST0 to RST7 and SOI."""
_EXIF = b"Exif\0\0"
_ORIENTATION = 0x0112


class Reduced(NamedTuple):
    """A picture that was decoded at 1/scale of its size; see `image.prepare_box`."""

    pixels: "np.ndarray"
    """uint8 (H / scale, W / scale, 3) BGR, rounded up."""
    box: "Box"
    """What the network sees, in pixels of the whole picture."""
    scale: int
    """8, 4, 2, or 1 for the whole picture."""


class _Header(NamedTuple):
    """Of the picture as it is to be seen."""

    width_px: int
    height_px: int
    orientation: int
    """1 to 8, as EXIF has it; 1 is upright."""

    def reduced_shape(self, scale: int) -> tuple[int, int]:
        return -(-self.height_px // scale), -(-self.width_px // scale)


def is_jpeg(content: bytes) -> bool:
    """Whether it starts as a JPEG does."""
    return content.startswith(_SOI)


def size_px(content: bytes) -> tuple[int, int] | None:
    """(width, height) as the header states it, turned as its EXIF orientation says; None without a header.

    These are the sides of the picture that `image.decode` gives.
    """
    header = _header(content)
    return (header.width_px, header.height_px) if header else None


def is_whole(content: bytes) -> bool:
    """Whether it is a JPEG with its end marker; what follows that, such as a webcam's padding, does no harm.

    A decoder fills what is missing with grey and says nothing. The end marker is looked for behind the start
    of the picture's data, since a thumbnail in the header has one of its own.
    """
    data_at = next((end for marker, _, end in _segments(content) if marker == _SOS), None)
    return data_at is not None and content.rfind(_EOI, data_at) >= 0


def prepare_jpeg(content: bytes, rule: "ImageRule", name: str = "picture") -> "np.ndarray":
    """From a JPEG to the network's input, in half the time of `image.prepare(image.decode(...))` or less.

    Returns:
        uint8 (rule.height_px, rule.width_px, 3) RGB, of the same part of the picture. Its bytes differ by
        about 1, as the decoder averages where `prepare` would.

    Raises:
        BadImage: damaged, cut short, or over `MAX_PIXELS`; `name` is what the message calls it.
    """
    from .image import crop_box, prepare_box  # noqa: PLC0415 - see above

    part = decode_reduced(content, rule, lambda height, width: crop_box(height, width, rule), name)
    return prepare_box(part.pixels, part.box, rule, part.scale)


def decode_reduced(
    content: bytes, rule: "ImageRule", box_of: "Callable[[int, int], Box]", name: str = "picture"
) -> Reduced:
    """Decodes a JPEG at the smallest scale at which the box that the network sees covers its input well.

    A rule with `linear` interpolation reads single pixels of the whole picture: then it is decoded in full.

    Args:
        content: the JPEG.
        rule: how the box becomes the network's input.
        box_of: from the whole picture's (height, width) in pixels to the box.
        name: what a message calls it.

    Raises:
        BadImage: damaged, cut short, or over `MAX_PIXELS`.
    """
    from .image import decode, decode_at  # noqa: PLC0415 - see above

    header = _header(content)
    if header and 0 < header.width_px * header.height_px <= MAX_PIXELS and is_whole(content):
        box = box_of(header.height_px, header.width_px)
        scale = _smallest_scale(box, rule, header)
        pixels = decode_at(content, scale) if scale > 1 else None
        # Where OpenCV turned it otherwise than the header made us expect, the box would be another one.
        if pixels is not None and pixels.shape[:2] == header.reduced_shape(scale):
            return Reduced(pixels, box, scale)
    pixels = decode(content, name)
    return Reduced(pixels, box_of(*pixels.shape[:2]), 1)


def _smallest_scale(box: "Box", rule: "ImageRule", header: _Header) -> int:
    """n, where the picture is to be decoded at 1/n of its size.

    At 1/8 it needs one coefficient of each 8x8 block; at 1/4, four; at 1/2, sixteen.
    """
    from .image import reduction  # noqa: PLC0415 - see above

    if rule.interpolation != "area":
        return 1
    covered = min(box.height_px / rule.height_px, box.width_px / rule.width_px)
    scale = reduction(covered)
    # A last pixel that stands for fewer than n comes first when it is turned, and moves the others.
    is_moved = header.orientation != 1 and (header.width_px % scale or header.height_px % scale)
    return 1 if is_moved else scale


def _header(content: bytes) -> _Header | None:
    orientation = 1
    for marker, start, end in _segments(content):
        if marker == _APP1 and orientation == 1:
            orientation = _orientation(content[start:end])
        elif marker in _FRAME_STARTS and start + 5 <= len(content):
            height_px, width_px = struct.unpack_from(">HH", content, start + 1)
            if 5 <= orientation <= 8:  # mirrored or not, and a quarter turned either way
                height_px, width_px = width_px, height_px
            return _Header(width_px, height_px, orientation)
    return None


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """The header's segments up to the picture's data: marker, and where their content starts and ends."""
    at = content.find(b"\xff", len(_SOI)) if is_jpeg(content) else -1
    while 0 <= at < len(content) - 3:
        marker = content[at + 1]
        if marker == 0xFF:  # any number of them may stand before a marker
            at += 1
            continue
        end = at + 2
        if marker not in _WITHOUT_LENGTH:
            end += int.from_bytes(content[end : end + 2])
            yield marker, at + 4, end
        if marker == _SOS:
            return
        at = content.find(b"\xff", end)


def _orientation(app1: bytes) -> int:
    """How the camera was held, as the EXIF data in an APP1 segment says; 1, upright, where there is none."""
    if not app1.startswith(_EXIF):
        return 1
    tiff = app1[len(_EXIF) :]
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (entries_at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, entries_at)
        for at in range(entries_at + 2, entries_at + 2 + 12 * entries, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at)
            if tag == _ORIENTATION:
                return value
    except struct.error:  # cut short, or nonsense
        pass
    return 1
