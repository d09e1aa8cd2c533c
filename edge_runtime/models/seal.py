"""Seal: `edgecls-sha256:` and 64 hexadecimal digits, over every byte of a file before and behind it.

It shows that a file is whole, not who made it; see `signature.py` about that.
"""

import hashlib
import re
from typing import Literal

# The seal itself.

_SEAL_PREFIX = b"edgecls-sha256:"
SEAL_BYTES = len(_SEAL_PREFIX) + 64
SEAL_PLACE = _SEAL_PREFIX + bytes(64)
"""Room for the seal, which `resealed` fills."""


def seal_of(content: bytes) -> bytes:
    """Returns the `SEAL_BYTES` bytes that seal `content`, to be put into it where its format has room."""
    return _SEAL_PREFIX + hashlib.sha256(content).hexdigest().encode()


def check_seal(content: bytes) -> Literal["holds", "broken", "none"]:
    """Checks a whole file against the seal inside it.

    A seal whose prefix is damaged reads as "none"; the marks of a card then show that one is missing.
    """
    start = content.rfind(_SEAL_PREFIX)
    if start < 0:
        return "none"
    end = start + SEAL_BYTES
    return "holds" if seal_of(content[:start] + content[end:]) == content[start:end] else "broken"


def seal_start(content: bytes) -> int:
    """Returns where the seal stands in a file that has one."""
    return content.rfind(_SEAL_PREFIX)


def resealed(content: bytes) -> bytes:
    """Returns a sealed file whose other bytes have changed, with the seal that holds now."""
    start = seal_start(content)
    before, behind = content[:start], content[start + SEAL_BYTES :]
    return before + seal_of(before + behind) + behind


# The stated size: a file says near its start how large it is, so that a truncated copy shows what it lacks.

_SIZE_PREFIX = b"edgecls-bytes:"
_DIGITS = 12
_START_BYTES = 1 << 16
_STATED = re.compile(_SIZE_PREFIX + rb"(\d{%d})" % _DIGITS)
SIZE_PLACE = _SIZE_PREFIX + b"0" * _DIGITS
"""Room for the size, of fixed width: the number is filled in last, and filling it in moves nothing."""


def with_stated_size(content: bytes, size_bytes: int) -> bytes:
    """Returns `content` with `size_bytes` written into its `SIZE_PLACE`; unchanged where it has none."""
    return content.replace(SIZE_PLACE, _SIZE_PREFIX + b"%0*d" % (_DIGITS, size_bytes), 1)


def without_stated_size(content: bytes) -> bytes:
    """Returns `content` with an empty `SIZE_PLACE` again."""
    return _STATED.sub(SIZE_PLACE, content, count=1)


def stated_size(content: bytes) -> int | None:
    """Returns the whole file's size in bytes, as stated near its start; None where it states none."""
    stated = _STATED.search(content, 0, _START_BYTES)
    return int(stated[1]) or None if stated else None
