"""Restart intervals of a JPEG, looked at one by one where stray bytes keep libjpeg silent about the others.

libjpeg prints only its first warning of a picture. Cameras that leave stray bytes in front of restart
markers, as a Logitech C270 does, would use it up in every picture. The intervals decode apart: those of a
part of the picture make a JPEG of their own, and halving the parts finds each interval with a warning.
"""

import re
import struct
from typing import NamedTuple

import numpy as np

from .decoder_messages import hear
from .jpeg_damage import is_damage
from .jpeg_header import segments
from .opencv import cv2

_MOST_LOOKS = 64
"""Parts decoded for one picture: enough for four intervals with stray bytes of 240. It costs about as much as
two to four pictures; where there are more such intervals, the rest is taken on trust."""
_MAX_SIDE_PX = 65_500  # libjpeg's
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_SOF0, _SOF1, _SOS, _DRI = 0xC0, 0xC1, 0xDA, 0xDD


def has_damaged_interval(content: bytes) -> bool:
    """Whether libjpeg warns of damage in a restart interval of a whole JPEG, whatever precedes it.

    True also where the intervals cannot be looked at apart (progressive pictures), or one is missing.
    """
    scan = _scan(content)
    if scan is None:
        return True
    data = content[scan.data_at : content.rfind(b"\xff\xd9")]
    count = -(-scan.units // scan.interval_units)
    intervals = _RESTART.split(data, count)  # of which a hostile file has millions
    if len(intervals) != count:
        return True
    numbers = [found[0][1] & 7 for found in _RESTART.finditer(data)]
    if numbers != [index % 8 for index in range(count - 1)]:
        return True
    at_once = _MAX_SIDE_PX // (scan.interval_units * scan.unit_px[1])
    parts = [(first, min(first + at_once, count)) for first in range(0, count, at_once)] if at_once else []
    for _ in range(_MOST_LOOKS):
        if not parts:
            break
        first, last = parts.pop()
        _, warning = hear(_decoded, scan.picture_of(intervals, first, last))
        if is_damage(warning):
            return True
        if warning and last - first > 1:
            middle = (first + last) // 2
            parts += [(middle, last), (first, middle)]
    return False


class _Scan(NamedTuple):
    """What is needed of a header to make JPEGs of some of its intervals."""

    header: bytes
    """Up to the picture's data."""
    sides_at: int
    """Where the height and the width stand in it."""
    data_at: int
    unit_px: tuple[int, int]
    """(height, width) of a minimum coded unit."""
    units: int
    interval_units: int

    def picture_of(self, intervals: list[bytes], first: int, last: int) -> bytes:
        """Returns intervals `first` to `last` - 1 as a picture one unit high."""
        units = min(last * self.interval_units, self.units) - first * self.interval_units
        sides = struct.pack(">HH", self.unit_px[0], units * self.unit_px[1])
        data = [intervals[first]]
        for number, interval in enumerate(intervals[first + 1 : last]):
            data += [bytes((0xFF, 0xD0 + number % 8)), interval]
        header = self.header[: self.sides_at] + sides + self.header[self.sides_at + 4 :]
        return b"".join((header, *data, b"\xff\xd9"))


def _scan(content: bytes) -> _Scan | None:
    """Returns the layout of a sequential picture in one scan; None for any other."""
    interval_units = components = sides_at = height_px = width_px = 0
    high = wide = 1
    for marker, start, end in segments(content):
        if marker == _DRI:
            interval_units = int.from_bytes(content[start : start + 2])
        elif marker in (_SOF0, _SOF1):
            sides_at, components = start + 1, content[start + 5]
            height_px, width_px = struct.unpack_from(">HH", content, sides_at)
            factors = [content[at] for at in range(start + 7, start + 6 + 3 * components, 3)]
            wide, high = max(factor >> 4 for factor in factors), max(factor & 15 for factor in factors)
        elif marker == _SOS:
            if not (interval_units and components == content[start] and height_px and width_px):
                return None
            if components == 1:  # its units are single blocks, whatever its factors
                wide = high = 1
            unit_px = 8 * high, 8 * wide
            units = -(-height_px // unit_px[0]) * -(-width_px // unit_px[1])
            return _Scan(content[:end], sides_at, end, unit_px, units, interval_units)
    return None


def _decoded(jpeg: bytes) -> None:
    cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
