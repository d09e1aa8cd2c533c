"""A file that ends in its own SHA-256, so that a flipped bit or a cut is seen before any parser looks.

The last 79 bytes are `edgecls-sha256:` and 64 hexadecimal digits, over every byte before them. Each format
has a harmless place for them at its very end: TFLite the comment of the zip appended to it, ONNX the value
of a metadata entry, HDF5 bytes after the end of its address space.
"""

import hashlib
from typing import Literal

_PREFIX = b"edgecls-sha256:"
SEAL_BYTES = len(_PREFIX) + 64


def seal_of(content: bytes) -> bytes:
    """The 79 bytes that seal `content`, to be written right behind it."""
    return _PREFIX + hashlib.sha256(content).hexdigest().encode()


def check_seal(content: bytes) -> Literal["holds", "broken", "none"]:
    """Whether a whole file's bytes match the seal that they end in.

    A seal whose prefix itself was damaged reads as "none"; the card beside it then tells that one is missing.
    """
    body, seal = content[:-SEAL_BYTES], content[-SEAL_BYTES:]
    if not seal.startswith(_PREFIX):
        return "none"
    return "holds" if seal_of(body) == seal else "broken"
