"""JPEG damage: what a warning of libjpeg means, and the oddities of cameras that mean nothing.

libjpeg decodes whatever it is given, and prints the first of its warnings. Bytes that are missing or changed
shift the Huffman codes behind them: the data then ends too early or too late, or holds a code that there is
not. What still decodes to a picture of the right length cannot be told from a good one, by any decoder.
"""

import re
from collections.abc import Iterator

from .jpeg_header import segments

STRAY_BYTES = 9
"""At most so many unused bytes in front of an end or restart marker are taken for a camera's padding: a
Logitech C270 leaves 1 to 5, a C910 up to 9, cameras with an SQ chip 8. Of pictures with damage that ends in
unused bytes, 5 % have as few."""

_UNUSED = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd([0-79])")
_OF_THE_HEADER = re.compile(
    r"Warning: unknown JFIF|Unknown Adobe color|Invalid SOS parameters|Corrupt JPEG data: bad ICC"
)
"""Warnings that say nothing of the picture's data."""
_SOI = b"\xff\xd8"
_APP0, _APP14, _SOF0, _SOF1, _SOS = 0xE0, 0xEE, 0xC0, 0xC1, 0xDA


def is_damage(warning: str) -> bool:
    """Whether a warning of libjpeg, or none, means that the picture is not the one that was taken."""
    if not warning or _OF_THE_HEADER.match(warning):
        return False
    unused = _UNUSED.match(warning)
    return unused is None or int(unused[1]) > STRAY_BYTES


def is_before_restart(warning: str) -> bool:
    """Whether it is about bytes in front of a restart marker, and may have kept others from being printed."""
    unused = _UNUSED.match(warning)
    return unused is not None and unused[2] != "9"


def is_about_header(warning: str) -> bool:
    """Whether a warning is about the header alone, and may have kept those behind it from being printed."""
    return bool(_OF_THE_HEADER.match(warning))


def with_plain_header(content: bytes) -> bytes:
    """Returns the same picture without stray bytes between its segments, and without odd values in them.

    libjpeg warns of those first, and would keep silent about damage behind them.
    """
    pieces = [_SOI, *_plain_segments(content)]
    return b"".join(pieces)


def _plain_segments(content: bytes) -> Iterator[bytes]:
    end, components, is_sequential = len(_SOI), 3, False
    for marker, start, end in segments(content):
        segment = bytearray(content[start - 2 : end])  # from its length on
        if marker in (_SOF0, _SOF1):
            is_sequential = True
            components = segment[7] if len(segment) > 7 else 3
        elif marker == _APP0 and segment.startswith(b"JFIF\0", 2):
            segment[7:9] = 1, 2  # its revision
        elif marker == _APP14 and segment.startswith(b"Adobe", 2) and len(segment) == 14 and segment[13] > 2:
            segment[13] = 2 if components == 4 else 1  # libjpeg guesses the same
        elif marker == _SOS and is_sequential:
            segment[-3:] = 0, 63, 0  # the only values that a sequential picture can have
        yield bytes((0xFF, marker)) + segment
    yield content[end:]
