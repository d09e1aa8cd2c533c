"""How large a whole file says it is, so that a truncated copy can name what it lacks.

Room for the number is left near the file's start, and filled when everything behind it is there.
"""

import re

_PREFIX = b"edgecls-bytes:"
_DIGITS = 12
_START_BYTES = 1 << 16
SIZE_PLACE = _PREFIX + b"0" * _DIGITS
"""Room for the size, of fixed width: filling it moves nothing."""


def with_stated_size(content: bytes, size_bytes: int) -> bytes:
    """`content` with `size_bytes` written into its `SIZE_PLACE`; unchanged where it has none."""
    return content.replace(SIZE_PLACE, _PREFIX + b"%0*d" % (_DIGITS, size_bytes), 1)


def stated_size(content: bytes) -> int | None:
    """The whole file's size in bytes as its start states it, or None where it states none."""
    stated = re.compile(_PREFIX + rb"(\d{%d})" % _DIGITS).search(content, 0, _START_BYTES)
    return int(stated[1]) or None if stated else None
