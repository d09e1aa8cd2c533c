"""Bounds: pictures that take a decoder seconds or a gigabyte, told from their bytes before it sees them.

The size in the header bounds the cost of most pictures. Here is what it does not bound: texts that libpng
unpacks, a tile larger than its picture, and kinds whose cost nothing tells. JPEG's scans are in
`jpeg_header.py`.
"""

import struct

from ..errors import BadImage
from .kinds import AVIF, JPEG_2000, PNG, TIFF, Kind
from .several import tiff_directories

_MAX_CHUNKS = 100_000
"""Of a PNG; libpng writes 8 kB into each."""
_UNPACKED = frozenset({b"zTXt", b"iTXt", b"iCCP"})
"""Chunks that libpng unpacks, to 8 MB each, though they change no pixel: 6 MB of them take it 27 s."""
_COMPRESSION, _TILE_WIDTH, _TILE_HEIGHT = 259, 322, 323
_MAX_TILE_PIXELS = 1 << 24
"""Of a TIFF. Usual are 256 x 256; a whole tile is allocated even for a picture of one pixel."""
_IN_ONE_PASS = frozenset({1, 2, 3, 4, 5, 8, 32_773, 32_946})
"""Compressions of a TIFF: none, CCITT, LZW, Deflate, PackBits. Others hold JPEGs and the like."""


def bounded(content: bytes, kind: Kind | None, name: str) -> bytes:
    """Returns what to give to a decoder: a picture without what costs time and changes no pixel.

    Args:
        content: of any kind but JPEG.
        kind: from `kind_of`.
        name: what a message calls it.

    Raises:
        BadImage: decoding would take too much time or memory.
    """
    if kind is PNG:
        return _without_texts(content, name)
    if kind is TIFF and (tags := next(tiff_directories(content), None)):
        tile_px = tags.get(_TILE_WIDTH, 0), tags.get(_TILE_HEIGHT, 0)
        if tile_px[0] * tile_px[1] > _MAX_TILE_PIXELS:
            raise BadImage(
                f"{name}: a TIFF with tiles of {tile_px[0]:,}x{tile_px[1]:,} pixels; save it with small ones"
            )
    return content


def needs_child(content: bytes, kind: Kind | None) -> bool:
    """Whether nothing tells what decoding costs, so that it must be done where it can be ended."""
    if kind is TIFF:
        tags = next(tiff_directories(content), None)
        return tags is None or tags.get(_COMPRESSION, 1) not in _IN_ONE_PASS
    if kind is None:  # with a brand that OpenCV may know
        return content[4:8] == b"ftyp"
    return kind in (AVIF, JPEG_2000)


def _without_texts(png: bytes, name: str) -> bytes:
    pieces: list[bytes] = []
    kept_from, at = 0, 8
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(png):
            break
        length, chunk = struct.unpack_from(">I4s", png, at)
        end = at + 12 + length
        if chunk in _UNPACKED:
            pieces.append(png[kept_from:at])
            kept_from = end
        at = end
    else:
        raise BadImage(f"{name}: a PNG of more than {_MAX_CHUNKS:,} chunks; save it again")
    return b"".join((*pieces, png[kept_from:])) if pieces else png
