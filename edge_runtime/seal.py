"""A file that holds its own SHA-256, so that a flipped bit or a cut is seen before any parser looks.

The seal is `edgecls-sha256:` and 64 hexadecimal digits, over every byte before and behind it. Each format
has a harmless place for it: TFLite the gap between the FlatBuffer and the zip appended to it, ONNX the value
of a metadata entry at its end, HDF5 bytes after the end of its address space.
"""

import hashlib
from typing import Literal

_PREFIX = b"edgecls-sha256:"
SEAL_BYTES = len(_PREFIX) + 64


def seal_of(content: bytes) -> bytes:
    """The 79 bytes that seal `content`, to be put into it where its format has room."""
    return _PREFIX + hashlib.sha256(content).hexdigest().encode()


def check_seal(content: bytes) -> Literal["holds", "broken", "none"]:
    """Whether a whole file's bytes match the seal that they hold.

    A seal whose prefix itself was damaged reads as "none"; the card beside it then tells that one is missing.
    """
    start = content.rfind(_PREFIX)
    if start < 0:
        return "none"
    end = start + SEAL_BYTES
    return "holds" if seal_of(content[:start] + content[end:]) == content[start:end] else "broken"
