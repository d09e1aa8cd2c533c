"""Parser of MJPEG: the pictures in a camera's multipart response (`multipart/x-mixed-replace`).

By the standard, each part is a delimiter line, headers with a Content-Length, an empty line and a JPEG. Real
cameras send boundaries with or without dashes, none before the first part, headers that end in LF, no
headers, no length or a wrong one. So this parser relies on two things only: a JPEG holds its own end, and a
delimiter before that end means that it is truncated.
"""

import re
import time
from collections.abc import Generator
from enum import Enum, auto

from ...images.jpeg_header import scan_start
from ..frame import Picture

MAX_PICTURE_BYTES = 16_000_000
"""More is damage: the largest pictures of network cameras take a tenth of this."""

_START = b"\xff\xd8\xff"  # SOI, and the first byte of the next marker
_END = re.compile(rb"\xff\xd9")  # EOI; bytes.find takes four times as long, with so many FF bytes
_LENGTH = re.compile(rb"content-length:\s*([0-9]{1,9})", re.IGNORECASE)
_FIRST_LINE_BYTES = 512
_SHORT_BYTES = 6


class Need(Enum):
    """What the parser yields between pictures."""

    MORE = auto()
    """It needs more bytes: call `Body.add` before continuing, or stop at the end of the body."""


class Body:
    """The bytes of a response that have arrived and are not parsed yet."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.received_at_s = 0.0
        """`time.monotonic()` when the last bytes arrived."""
        self.awaited_bytes = 1
        """The parser needs at least this many more bytes: waiting for all of them saves wake-ups."""
        self.trusts_lengths = False
        """Whether the last picture had the length in its Content-Length."""

    def add(self, piece: bytes) -> None:
        """Adds bytes that have just arrived."""
        self.content += piece
        self.received_at_s = time.monotonic()


Pictures = Generator[Picture | Need | None, None, None]


def pictures(body: Body, boundary: str) -> Pictures:
    """Yields each JPEG as soon as it is complete, None for a damaged part, `Need.MORE` for more bytes.

    `captured_at_s` is when the first bytes of a picture arrived.

    Args:
        body: of the response.
        boundary: from its Content-Type.
    """
    delimiter = yield from _delimiter(body, boundary)
    while True:
        yield from _skip_to(body, delimiter)
        del body.content[: len(delimiter)]
        found, headers = yield from _skip_to(body, _START, delimiter)
        began_at_s = body.received_at_s
        length = _LENGTH.search(headers)
        stated_bytes = int(length[1]) if length else 0
        jpeg = None if found == delimiter else (yield from _take_jpeg(body, delimiter, stated_bytes))
        yield None if jpeg is None else Picture(jpeg, began_at_s)


def _delimiter(body: Body, boundary: str) -> Generator[Need, None, bytes]:
    """Returns the delimiter; it is inserted before the first part if the camera leaves it out there."""
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
    content[:0] = b"\n"  # a short one may also occur within a picture
    return b"\n" + line


def _skip_to(body: Body, *needles: bytes) -> Generator[Need, None, tuple[bytes, bytes]]:
    """Drops everything before the first of `needles`; returns that needle, and the last bytes dropped."""
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
    """Takes the JPEG at the start of `body`; None if it is truncated, too large or not a JPEG."""
    content = body.content
    scan_at: int | None = None
    searched = 0
    while True:
        if scan_at is None:
            scan_at = scan_start(content)
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
