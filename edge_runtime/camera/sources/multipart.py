"""The pictures in a camera's multipart answer (`multipart/x-mixed-replace`), as real cameras write it.

By the book, each part is a delimiter line, headers with a Content-Length, an empty line and a JPEG. Cameras
send boundaries with dashes or without them, none before the first part, headers that end in LF, no headers,
no length or a wrong one. So only two things are relied on here: a JPEG says itself where it ends, and where a
delimiter comes before that, it was cut.
"""

import re
import time
from collections.abc import Generator
from enum import Enum, auto

from ..frame import Picture

MAX_PICTURE_BYTES = 16_000_000
"""More is damage: the largest pictures of network cameras take a tenth."""

_START = b"\xff\xd8\xff"  # SOI, and the first byte of the marker behind it
_END = re.compile(rb"\xff\xd9")  # EOI; `find` takes four times as long among so many FF
_START_OF_SCAN = 0xDA
_LENGTH = re.compile(rb"content-length:\s*([0-9]{1,9})", re.IGNORECASE)
_FIRST_LINE_BYTES = 512
_SHORT_BYTES = 6


class Need(Enum):
    """What is neither a picture nor a damaged one."""

    MORE = auto()
    """`Body.add` something before asking again; at the end of the body, do not."""


class Body:
    """What arrived of an answer and was not used yet."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.received_at_s = 0.0
        """`time.monotonic()` when the last of it arrived."""
        self.awaited_bytes = 1
        """Nothing can be done before so many more arrive: who waits for all of them at once wakes up less."""
        self.trusts_lengths = False
        """The last picture was as long as its Content-Length said."""

    def add(self, piece: bytes) -> None:
        """Takes what has just arrived."""
        self.content += piece
        self.received_at_s = time.monotonic()


Pictures = Generator[Picture | Need | None, None, None]


def pictures(body: Body, boundary: str) -> Pictures:
    """Gives each JPEG as soon as its last byte is there, None for a damaged part, MORE to be given more.

    `captured_at_s` is when its first bytes arrived.

    Args:
        body: of the answer, empty or not.
        boundary: as its Content-Type has it.
    """
    delimiter = yield from _delimiter(body, boundary)
    while True:
        yield from _skip_to(body, delimiter)
        del body.content[: len(delimiter)]
        came, headers = yield from _skip_to(body, _START, delimiter)
        began_at_s = body.received_at_s
        length = _LENGTH.search(headers)
        stated_bytes = int(length[1]) if length else 0
        jpeg = None if came == delimiter else (yield from _take_jpeg(body, delimiter, stated_bytes))
        yield None if jpeg is None else Picture(jpeg, began_at_s)


def _delimiter(body: Body, boundary: str) -> Generator[Need, None, bytes]:
    """What stands before each part; where the camera leaves it out before the first, it is put there."""
    content = body.content
    while b"\n" not in content.lstrip() and len(content) < _FIRST_LINE_BYTES:
        yield Need.MORE
    token = boundary.strip(' "').lstrip("-").encode("latin-1", "replace")
    line = bytes(content.lstrip()[:_FIRST_LINE_BYTES].partition(b"\n")[0].rstrip())
    if not (line.startswith(b"--") or (token and line.endswith(token))):
        line = token or b"--"
        content[:0] = line + b"\r\n"
    if len(line) >= _SHORT_BYTES:
        return line
    content[:0] = b"\n"  # a short one may also stand within a picture, by chance
    return b"\n" + line


def _skip_to(body: Body, *needles: bytes) -> Generator[Need, None, tuple[bytes, bytes]]:
    """Drops what stands before the first of `needles`; gives that needle, and what was dropped at last."""
    kept = max(map(len, needles)) - 1
    while True:
        found = [(at, needle) for needle in needles if (at := body.content.find(needle)) >= 0]
        if found:
            at, needle = min(found)
            skipped = bytes(body.content[:at])
            del body.content[:at]
            return needle, skipped
        if len(body.content) > MAX_PICTURE_BYTES:
            del body.content[:-kept]
        yield Need.MORE


def _take_jpeg(body: Body, delimiter: bytes, stated_bytes: int) -> Generator[Need, None, bytes | None]:
    """Takes the JPEG that `body` begins with; None where it is cut, too large or no JPEG."""
    content = body.content
    scan_at: int | None = None
    searched = 0
    while True:
        if scan_at is None:
            scan_at = _scan_at(content)
        found = _END.search(content, max(scan_at, searched)) if scan_at else None
        end = found.end() if found else len(content)
        cut = content.find(delimiter, searched, end)
        if cut >= 0 or scan_at == 0 or len(content) > MAX_PICTURE_BYTES:
            del content[: cut if cut >= 0 else len(_START)]
            return None
        if found:
            jpeg = bytes(memoryview(content)[:end])
            del content[:end]
            body.trusts_lengths = end == stated_bytes
            return jpeg
        searched = max(0, len(content) - len(delimiter) + 1)
        body.awaited_bytes = max(1, stated_bytes - len(content)) if body.trusts_lengths else 1
        yield Need.MORE
        body.awaited_bytes = 1


def _scan_at(content: bytearray) -> int | None:
    """Where a JPEG's entropy-coded data begins; None where more is needed to tell, 0 where it is no JPEG.

    It is behind the headers, where a thumbnail or a table may hold the bytes of an end.
    """
    at = 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            return 0
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
        if marker == _START_OF_SCAN:
            return at
    return None
