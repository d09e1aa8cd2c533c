"""Files that hold several pictures: animations, pages, and JPEGs in a row. Decoders return the first of them.

A JPEG may hold other versions of its picture behind it, a preview, a depth map or the other eye's view (MPO):
these are one picture.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from ..errors import BadImage
from .jpeg_header import JpegHeader, is_jpeg, read_header
from .kinds import GIF, JPEG, PNG, TIFF, WEBP, kind_of

_NEXT_JPEG = re.compile(rb"\xff\xd9[\0\xff\r\n]*(?=\xff\xd8\xff)")
_MULTI_PICTURE_FORMAT = b"MPF\0"
_MAX_FIRST_BYTES = 40_000_000
"""The second picture begins before."""
_MAX_PAGES = 1000
_MAX_ENTRIES = 100_000
"""Of all pages of a TIFF together, which may share theirs."""
_MAX_BLOCKS = 1_000_000
"""Of a GIF or WebP; what follows is not counted."""
_SUBFILE_TYPE, _IS_REDUCED = 254, 1
_SHORT = 3  # a type of values


def check_single(content: bytes, name: str) -> None:
    """Refuses a file of several pictures, of which a decoder would return the first without a word.

    Raises:
        BadImage: it holds several; `name` is what the message calls it.
    """
    kind = kind_of(content)
    header = read_header(content) if kind is JPEG else None
    if header is not None and next_jpeg(content, header):
        raise BadImage(
            f"{name}: several JPEGs in a row, a video (Motion JPEG); use `edgecls camera --source {name}`"
        )
    count = {GIF: _gif_frames, PNG: _png_frames, WEBP: _webp_frames, TIFF: _tiff_pages}.get(kind or JPEG)
    pictures = count(content) if count else 1
    if pictures > 1 and kind:
        what = "pages" if kind is TIFF else "frames"
        raise BadImage(
            f"{name}: a {kind.name} of {pictures:,} {what}; save the one to use as a file of its own"
        )


def is_jpeg_run(path: Path) -> bool:
    """Whether a file holds JPEGs in a row and nothing else: raw Motion JPEG, as `rpicam-vid` writes it."""
    try:
        with path.open("rb") as file:
            if not is_jpeg(file.read(3)):
                return False
            file.seek(0)
            content = file.read(_MAX_FIRST_BYTES)
    except OSError:
        return False
    header = read_header(content)
    return header is not None and next_jpeg(content, header) > 0


def next_jpeg(content: bytes, header: JpegHeader) -> int:
    """Returns where another JPEG of the same size follows a JPEG; 0 if none does."""
    if not header.data_at or _MULTI_PICTURE_FORMAT in content[: header.data_at]:
        return 0
    end = _NEXT_JPEG.search(content, header.data_at)
    following = read_header(content[end.end() : end.end() + (1 << 17)]) if end else None
    if end is None or following is None:
        return 0
    return end.end() if following[:2] == header[:2] else 0


def _gif_frames(content: bytes) -> int:
    """Counts the image descriptors (GIF89a, section 20)."""

    def after_table(at: int, flags: int) -> int:
        return at + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)

    def after_blocks(at: int) -> int:
        nonlocal blocks
        while at < len(content) and content[at] and blocks < _MAX_BLOCKS:
            at += 1 + content[at]
            blocks += 1
        return at + 1

    blocks = 0
    frames, at = 0, after_table(13, content[10]) if len(content) > 13 else len(content)
    while at + 10 < len(content) and (blocks := blocks + 1) < _MAX_BLOCKS:
        if content[at] == 0x21:  # an extension
            at = after_blocks(at + 2)
        elif content[at] == 0x2C:
            frames += 1
            at = after_blocks(after_table(at + 10, content[at + 9]) + 1)
        else:
            break
    return frames


def _png_frames(content: bytes) -> int:
    """Returns the number of frames of an APNG; its chunk stands in front of the pixels."""
    at = content.find(b"acTL", 0, max(0, content.find(b"IDAT")))
    return int.from_bytes(content[at + 4 : at + 8]) if at >= 0 else 1


def _webp_frames(content: bytes) -> int:
    is_animated = content[12:16] == b"VP8X" and len(content) > 20 and content[20] & 2
    frames, at = 0, 12
    for _ in range(_MAX_BLOCKS if is_animated else 0):
        if at + 8 > len(content):
            break
        name, length = struct.unpack_from("<4sI", content, at)
        frames += name == b"ANMF"
        at += 8 + length + length % 2
    return frames


def _tiff_pages(content: bytes) -> int:
    """Counts the pages of a TIFF, without reduced versions of others."""
    return sum(not tags.get(_SUBFILE_TYPE, 0) & _IS_REDUCED for tags in tiff_directories(content)) or 1


def tiff_directories(content: bytes) -> Iterator[dict[int, int]]:
    """Yields the tags of each page with their values, as far as these are single numbers (TIFF 6.0)."""
    order = "<" if content[:2] == b"II" else ">"
    seen = set[int]()
    left = _MAX_ENTRIES
    try:
        if struct.unpack_from(f"{order}H", content, 2) != (42,):  # BigTIFF
            return
        (at,) = struct.unpack_from(f"{order}I", content, 4)
        while at and at not in seen and len(seen) < _MAX_PAGES:
            seen.add(at)
            (entries,) = struct.unpack_from(f"{order}H", content, at)
            left -= entries
            if left < 0:
                return
            tags: dict[int, int] = {}
            for entry in range(at + 2, at + 2 + 12 * entries, 12):
                tag, kind = struct.unpack_from(f"{order}HH", content, entry)
                (tags[tag],) = struct.unpack_from(
                    f"{order}{'H' if kind == _SHORT else 'I'}", content, entry + 8
                )
            yield tags
            (at,) = struct.unpack_from(f"{order}I", content, at + 2 + 12 * entries)
    except struct.error:  # truncated; decoding will tell
        pass
