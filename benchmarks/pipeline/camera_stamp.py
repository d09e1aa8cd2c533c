"""A camera's own mark in each picture: a JPEG comment, which survives wherever the bytes are passed on."""

import struct
from typing import NamedTuple

_SOI, _COMMENT = b"\xff\xd8", b"\xff\xfe"
_FORMAT = struct.Struct(">Qd")
_NAME = b"edgecls-camera"
_HEAD = _SOI + _COMMENT + struct.pack(">H", 2 + len(_NAME) + _FORMAT.size) + _NAME


class Stamp(NamedTuple):
    """Which picture it is, and when the camera took it."""

    number: int
    taken_at_s: float
    """`time.monotonic()`, which all processes of a Linux system share."""


def stamped(jpeg: bytes, stamp: Stamp) -> bytes:
    """The JPEG with the stamp in front."""
    return _HEAD + _FORMAT.pack(*stamp) + jpeg[len(_SOI) :]


def stamp_of(jpeg: bytes) -> Stamp | None:
    """The stamp of a JPEG, or None where it has none."""
    return Stamp(*_FORMAT.unpack_from(jpeg, len(_HEAD))) if jpeg.startswith(_HEAD) else None
