"""JPEG header: size, orientation and completeness of a JPEG, read without decoding it.

The capture process imports this module to check what it passes on, so it needs neither OpenCV nor numpy.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

MAX_PIXELS = 50_000_000
"""The largest image that is decoded. Decompression bombs have to be refused before the first allocation."""

MAX_SCANS = 100
"""A progressive picture has about ten scans, and libtiff too refuses more than a hundred."""
MAX_SCANNED_PIXELS = 1_000_000_000
"""Of all scans together: each goes over the whole picture, which takes up to 2 ns a pixel even where it is
empty. Twenty of the largest picture."""

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_APP1, _SOS = 0xE1, 0xDA
_FRAME_STARTS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15; the three among them are DHT, JPG and DAC."""
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
"""Markers without a length: a stuffed byte, TEM, RST0 to RST7 and SOI."""
_MAX_STRAYS = 1024
"""Cameras are known that leave 608 bytes between two segments."""
_MAX_SEGMENTS = 4096
"""The longest EXIF, colour profile and XMP take some hundreds; millions would take seconds to read."""
_BEHIND_FILL = re.compile(rb"[^\xff]")
_SCAN = re.compile(rb"\xff\xda")
_EXIF = b"Exif\0\0"
_MAX_EXIF_ENTRIES = 1000
_ORIENTATION = 0x0112


class JpegHeader(NamedTuple):
    """Size and orientation of a JPEG, as it is shown."""

    width_px: int
    height_px: int
    orientation: int
    """1 to 8, as in EXIF; 1 is upright."""
    data_at: int
    """Where the picture's data begins; 0 where the header ends before."""
    has_strays: bool
    """Whether bytes that belong to nothing stand between its segments, as some cameras send them."""
    may_have_scans: bool = False
    """Whether decoders go over the picture several times: it is progressive, or its components come apart."""

    def reduced_shape(self, scale: int) -> tuple[int, int]:
        """Returns the (height, width) of the picture when it is decoded at 1/scale."""
        return -(-self.height_px // scale), -(-self.width_px // scale)


def is_jpeg(content: bytes | bytearray) -> bool:
    """Whether the bytes start like a JPEG."""
    return content.startswith(_SOI)


def size_px(content: bytes) -> tuple[int, int] | None:
    """Returns (width, height) as the header states it, turned by the EXIF orientation; None without a header.

    These are the sides of the picture that `decode` returns.
    """
    header = read_header(content)
    return (header.width_px, header.height_px) if header else None


def is_whole(content: bytes) -> bool:
    """Whether the bytes are a JPEG with its end marker; padding behind that, as of webcams, is allowed.

    A decoder fills what is missing with grey, without an error. The end marker is searched behind the start
    of the picture's data, since a thumbnail in the header has an end marker too.
    """
    data_at = next((end for marker, _, end in segments(content) if marker == _SOS), None)
    return data_at is not None and content.rfind(_EOI, data_at) >= 0


def too_large(width_px: int, height_px: int) -> str:
    """Returns what to say of a picture over `MAX_PIXELS`."""
    return f"{width_px * height_px / 1e6:,.0f} megapixels; the limit is {MAX_PIXELS / 1e6:.0f}"


def why_refused(content: bytes, header: JpegHeader) -> str:
    """Returns why a JPEG would take too much time or memory to decode; empty for one that does not."""
    pixels = header.width_px * header.height_px
    if pixels > MAX_PIXELS:
        return too_large(header.width_px, header.height_px)
    if not header.may_have_scans:
        return ""
    # In a picture's data, only 00 and a restart marker's number may follow FF.
    scans = 1 + len(_SCAN.findall(content, header.data_at))
    most = min(MAX_SCANS, MAX_SCANNED_PIXELS // max(pixels, 1))
    return f"{scans:,} scans; the limit for its size is {most}" if scans > most else ""


def read_header(content: bytes) -> JpegHeader | None:
    """Reads the segments before the picture's data; None if none of them states the picture's size."""
    orientation, sides_px = 1, None
    data_at, before, has_strays = 0, len(_SOI), False
    components, may_have_scans = 0, False
    for marker, start, end in segments(content):
        if start - 4 != before and content[before : start - 4].strip(b"\xff"):
            has_strays = True
        before = end
        if marker == _APP1 and orientation == 1 and content.startswith(_EXIF, start):
            orientation = exif_orientation(content[start + len(_EXIF) : end])
        elif marker == _SOS:
            data_at = end
            may_have_scans |= start < len(content) and content[start] < components
        elif marker in _FRAME_STARTS:
            may_have_scans |= marker in _PROGRESSIVE
            if sides_px is None and start + 6 <= len(content):
                *sides_px, components = struct.unpack_from(">HHB", content, start + 1)
    if sides_px is None:
        return None
    height_px, width_px = sides_px
    if 5 <= orientation <= 8:  # a quarter turn either way, mirrored or not
        height_px, width_px = width_px, height_px
    return JpegHeader(width_px, height_px, orientation, data_at, has_strays, may_have_scans)


def is_usable(content: bytes, header: JpegHeader) -> bool:
    """Whether a JPEG has its end, and costs no more to decode than it may."""
    return is_ended(content, header) and not why_refused(content, header)


def is_ended(content: bytes, header: JpegHeader) -> bool:
    """`is_whole`, of a JPEG whose header has been read."""
    return header.data_at > 0 and content.rfind(_EOI, header.data_at) >= 0


def scan_start(content: bytes | bytearray) -> int | None:
    """Returns where the picture's data begins; None where that needs more bytes, 0 where it is no JPEG.

    Unlike the functions above it allows only so many bytes between segments as a camera may leave there.
    """
    at = len(_SOI)
    for marker, start, end in segments(content):
        if start - 4 - at > _MAX_STRAYS and content[at : start - 4].strip(b"\xff"):
            return 0
        at = end
        if marker == _SOS:
            return at
    return 0 if len(content) - at > _MAX_STRAYS and content[at : at + 4].strip(b"\xff") else None


def segments(content: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
    """Yields a JPEG's segments up to the picture's data: marker, start and end of their content.

    It ends where there are more than any camera's header has.
    """
    at = content.find(b"\xff", len(_SOI)) if is_jpeg(content) else -1
    for _ in range(_MAX_SEGMENTS):
        if not 0 <= at < len(content) - 3:
            return
        marker = content[at + 1]
        if marker == 0xFF:  # fill bytes: any number may stand before a marker
            behind = _BEHIND_FILL.search(content, at)
            at = behind.start() - 1 if behind else -1
            continue
        end = at + 2
        if marker not in _WITHOUT_LENGTH:
            end += int.from_bytes(content[end : end + 2])
            yield marker, at + 4, end
        if marker == _SOS:
            return
        at = content.find(b"\xff", end)


def exif_orientation(tiff: bytes) -> int:
    """Returns the orientation in the TIFF structure of EXIF; 1, upright, if there is none."""
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (entries_at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, entries_at)
        for at in range(entries_at + 2, entries_at + 2 + 12 * min(entries, _MAX_EXIF_ENTRIES), 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at)
            if tag == _ORIENTATION:
                return value
    except struct.error:  # truncated or damaged
        pass
    return 1
