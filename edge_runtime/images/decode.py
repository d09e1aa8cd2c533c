"""Decoding: from the bytes of a picture file to pixels, or an error that says what is wrong with it.

A damaged picture is never returned. libjpeg fills what is missing with grey and what is garbled with colours,
and mentions it only on stderr; see `decoder_messages.py` and `jpeg_damage.py`.
"""

import io
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import BadImage
from ..files import PICTURE_BYTES, read_whole
from .apart import decode_apart
from .bounds import bounded, needs_child
from .decoder_messages import hear
from .jpeg_damage import is_about_header, is_before_restart, is_damage, with_plain_header
from .jpeg_header import MAX_PIXELS, JpegHeader, is_ended, read_header, too_large, why_refused
from .kinds import JPEG, PNG, PNM, READABLE_NAMES, TIFF, Kind, kind_of
from .opencv import cv2
from .restarts import has_damaged_interval
from .rule import ImageRule
from .several import check_single, tiff_directories
from .tiff_log import decode_tiff
from .transparency import is_transparent, on_white

READABLE = f"use {', '.join(READABLE_NAMES[:-1])} or {READABLE_NAMES[-1]}"
_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_DEEP = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
_PLAIN = ImageRule(1, 1)
_PNG_DEPTH_AT = 24
_SAMPLES = 277  # a TIFF's samples per pixel
_BAND = 64
"""Rows that are converted at once."""
_START_BYTES = 1 << 20
"""Of a picture, where its size stands; TIFF has it anywhere. Comments and empty boxes may fill the rest."""


def read_image(path: str | Path, rule: ImageRule | None = None) -> np.ndarray:
    """Reads and decodes an image file to uint8 (H, W, 3) BGR; raises as `decode_file` and `read_whole`."""
    return decode_file(read_whole(path, PICTURE_BYTES), str(path), rule)


def decode_file(content: bytes, name: str, rule: ImageRule | None = None) -> np.ndarray:
    """`decode`, for a file, which has to hold one picture: of several, none is taken silently for all.

    Raises:
        BadImage: as `decode`; or several JPEGs in a row, an animation, or pages.
    """
    check_single(content, name)
    return decode(content, name, rule)


def decode(content: bytes, name: str, rule: ImageRule | None = None) -> np.ndarray:
    """Decodes a picture of any kind in `kinds.py` to uint8 (H, W, 3) BGR.

    Grey, 16-bit and CMYK images are converted; the orientation in EXIF is applied.

    Args:
        content: the file's bytes.
        name: what a message calls it.
        rule: of the model, for transparent and 16-bit pictures; None: they are taken as `ImageRule` defaults.

    Raises:
        BadImage: not an image, truncated, damaged, over `MAX_PIXELS`, or it takes too long to decode.
    """
    kind = kind_of(content)
    if kind is not None and kind.cure:
        raise BadImage(f"{name}: {kind.name} is not supported; {kind.cure}")
    header = read_header(content) if kind is JPEG else None
    if kind is not JPEG:
        return _decode_other(_checked(content, kind, name), kind, name, rule or _PLAIN)
    if header and (why := why_refused(content, header)):
        raise BadImage(f"{name}: {why}")
    if header is None or not is_ended(content, header):
        raise BadImage(f"{name}: the JPEG is truncated; copy it again")
    return decode_jpeg(content, header, name)


def decode_jpeg(content: bytes, header: JpegHeader, name: str, scale: int = 1) -> np.ndarray:
    """Decodes a whole JPEG at 1/scale of its size, rounded up, to uint8 (H / scale, W / scale, 3) BGR.

    Args:
        content: the JPEG.
        header: `read_header` of it.
        name: what a message calls it.
        scale: 1, 2, 4 or 8.

    Raises:
        BadImage: its data is damaged.
    """
    if header.has_strays:
        content = with_plain_header(content)
    pixels, warning = hear(_decoded, content, _FLAGS[scale])
    if warning and is_about_header(warning):
        content = with_plain_header(content)
        pixels, warning = hear(_decoded, content, _FLAGS[scale])
    if pixels is None or is_damage(warning) or (is_before_restart(warning) and has_damaged_interval(content)):
        raise BadImage(f"{name}: the JPEG is damaged; copy it again")
    return pixels


def _decode_other(content: bytes, kind: Kind | None, name: str, rule: ImageRule) -> np.ndarray:
    # Of other kinds, OpenCV scales the values by the depth that the file states.
    pixels = _pixels(content, kind, _DEEP if kind in (PNG, TIFF, PNM) else cv2.IMREAD_COLOR, name)
    if pixels is None or pixels.dtype.name not in ("uint8", "uint16"):
        raise BadImage(f"{name}: {_why_unreadable(content, kind, name)}")
    pixels = _to_8_bits(pixels, rule.bits)
    if rule.transparent == "white" and is_transparent(content, kind):
        raw = _pixels(content, kind, cv2.IMREAD_UNCHANGED, name)
        directory = next(tiff_directories(content), None) if kind is TIFF else None
        if directory and directory.get(_SAMPLES) == 2:
            raise BadImage(f"{name}: a grey TIFF with transparency, which is not read; save it as PNG")
        if raw is not None:
            pixels = on_white(pixels, raw, content, kind)
    return pixels


def _checked(content: bytes, kind: Kind | None, name: str) -> bytes:
    """Returns what to decode of a picture of any kind but JPEG; raises BadImage where it is too much."""
    width_px, height_px = _size_in_header(content, kind)
    if width_px * height_px > MAX_PIXELS:
        raise BadImage(f"{name}: {too_large(width_px, height_px)}")
    return bounded(content, kind, name)


def _pixels(content: bytes, kind: Kind | None, flags: int, name: str) -> np.ndarray | None:
    """Decodes what `_checked` returned; None where it is damaged."""
    if needs_child(content, kind):
        return decode_apart(decode_here, content, flags, name)
    return decode_here(content, flags)


def decode_here(content: bytes, flags: int) -> np.ndarray | None:
    """Decodes a picture of any kind but JPEG, however long it takes; None where it is damaged."""
    if kind_of(content) is TIFF:
        return decode_tiff(partial(_decoded, content, flags))
    pixels, message = hear(_decoded, content, flags)
    return None if "libpng error" in message else pixels


def _to_8_bits(pixels: np.ndarray, bits: int) -> np.ndarray:
    """Scales uint16 pixels, of which so many bits are used, to uint8; brighter ones become white."""
    if pixels.dtype == np.uint8:
        return pixels
    narrow = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), _BAND):  # the whole of a large picture, in between, is a gigabyte
        band = pixels[top : top + _BAND]
        narrow[top : top + _BAND] = np.minimum(band >> ((bits or 16) - 8), 255)
    return narrow


def may_be_deep(content: bytes) -> bool:
    """Returns whether a picture may have 16 bits a channel, as far as its first bytes tell."""
    kind = kind_of(content)
    if kind is PNG:
        return content[_PNG_DEPTH_AT : _PNG_DEPTH_AT + 1] == b"\x10"
    return kind in (TIFF, PNM)


def used_bits(content: bytes) -> int:
    """Returns how many bits a picture of 16 bits a channel uses; 0 for every other picture."""
    if not may_be_deep(content):
        return 0
    kind, name = kind_of(content), "picture"
    try:
        pixels = _pixels(_checked(content, kind, name), kind, _DEEP, name)
    except BadImage:  # as who decodes it will say
        return 0
    return int(pixels.max()).bit_length() if pixels is not None and pixels.dtype == np.uint16 else 0


def _decoded(content: bytes, flags: int) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    except cv2.error:
        return None


def _why_unreadable(content: bytes, kind: Kind | None, name: str) -> str:
    if kind is None:
        return f"not an image; {READABLE}"
    if kind is TIFF:
        raw = _pixels(content, kind, cv2.IMREAD_UNCHANGED, name)
        if raw is not None and raw.dtype.name not in ("uint8", "uint16"):
            return (
                f"a TIFF of {raw.dtype} numbers, whose white is unknown; save it with 8 or 16 bits a channel"
            )
    return f"the {kind.name} is damaged or of an unknown variety; copy it again, or save it as JPEG or PNG"


def _size_in_header(content: bytes, kind: Kind | None) -> tuple[int, int]:
    """Returns (width, height) in pixels as the header states it; (-1, -1) if no header can be read.

    Of what is no known picture, the library might unpack XML; there OpenCV's own limit holds.
    """
    if kind is None:
        return -1, -1
    # It loads xml and urllib: 20 ms that a camera does not wait for.
    import imagesize  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]

    try:
        start = content if kind is TIFF else content[:_START_BYTES]
        return imagesize.get(io.BytesIO(start))  # pyright: ignore[reportUnknownMemberType]
    except Exception:  # random bytes for a header can break its parser anywhere
        return -1, -1
