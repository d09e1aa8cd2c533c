"""Parser of MJPEG: the pictures in a camera's multipart response (`multipart/x-mixed-replace`).

By the standard, each part is a delimiter line, headers with a Content-Length, an empty line and a JPEG. Real
cameras send boundaries with or without dashes, none before the first part, headers that end in LF, no
headers, no length or a wrong one, parts without a picture between the others, or JPEGs and nothing else. So
this parser relies on two things only: a JPEG holds its own end, and a delimiter before that end means that it
is truncated.
"""

import re
import time
from collections.abc import Generator
from enum import Enum, auto

from ....images.jpeg_header import scan_start
from ....images.kinds import Kind, kind_of
from ...frame import Picture

MAX_PICTURE_BYTES = 16_000_000
"""More is damage: the largest pictures of network cameras take a tenth of this."""

_START = b"\xff\xd8\xff"  # SOI, and the first byte of the next marker
_END = re.compile(rb"\xff\xd9")  # EOI; bytes.find takes four times as long, with so many FF bytes
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_TYPE = re.compile(rb"^content-type:\s*([^\s;]+)", re.IGNORECASE | re.MULTILINE)
_HEADER = re.compile(rb"[!-9;-~]+:[^\n]*\n")
_LENGTH = re.compile(rb"content-length:\s*([0-9]{1,9})", re.IGNORECASE)
_FIRST_LINE_BYTES = 512
_SHORT_BYTES = 6
_SLOW_S = 0.5
"""A picture that takes longer than this to arrive comes over a slow link."""


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
        self.began_at_s: float | None = None
        """When the first bytes of the picture arrived that is not complete yet; None between pictures."""
        self.other_kind: Kind | None = None
        """What the last damaged part holds in place of a JPEG or PNG; None if it cannot be told."""
        self.is_slow = False
        """Whether the last picture took long to arrive, so that nobody should wait for the rest unseen."""

    def add(self, piece: bytes) -> None:
        """Adds bytes that have just arrived."""
        self.content += piece
        self.received_at_s = time.monotonic()


Pictures = Generator[Picture | Need | None, None, None]


def pictures(body: Body, boundary: str) -> Pictures:
    """Yields each JPEG or PNG as soon as it is complete, None for a damaged part, `Need.MORE` for more bytes.

    Parts that hold something else, such as text, or nothing, are skipped. `captured_at_s` is when the first
    bytes of a picture arrived.

    Args:
        body: of the response.
        boundary: from its Content-Type.
    """
    delimiter = yield from _delimiter(body, boundary)
    while True:
        yield from _skip_to(body, delimiter)
        del body.content[: len(delimiter)]
        found, before = yield from _skip_to(body, _START, delimiter, _PNG)
        body.began_at_s = began_at_s = body.received_at_s
        if found == _PNG:
            picture = yield from _take_png(body, delimiter)
        elif found == delimiter:
            if not _was_picture(before):
                body.began_at_s = None
                continue
            picture, body.other_kind = None, kind_of(_content_of(before))
        else:
            length = _LENGTH.search(before)
            picture = yield from _take_jpeg(body, delimiter, int(length[1]) if length else 0)
        yield _completed(body, picture, began_at_s)


def jpegs(body: Body) -> Pictures:
    """Yields the JPEGs of a response that holds nothing else, as `pictures` does."""
    while True:
        yield from _skip_to(body, _START)
        body.began_at_s = began_at_s = body.received_at_s
        jpeg = yield from _take_jpeg(body, _START, 0)
        yield _completed(body, jpeg, began_at_s)


def _completed(body: Body, picture: bytes | None, began_at_s: float) -> Picture | None:
    body.began_at_s = None
    body.is_slow = body.received_at_s - began_at_s > _SLOW_S
    return None if picture is None else Picture(picture, began_at_s)


def _was_picture(part: bytes) -> bool:
    """Whether a part without the start of a picture should have held one: by its type, or as it is no text.

    Args:
        part: its headers and content, as far as they are known.
    """
    kind, content = _TYPE.search(part), _content_of(part)
    if not content.rstrip(b"-").strip():
        return False  # empty, or the end of one multipart body before the next
    if kind:
        return kind[1].lower().startswith((b"image/", b"application/octet-stream"))
    return not content[:_FIRST_LINE_BYTES].isascii()


def _content_of(part: bytes) -> bytes:
    """Returns a part without its headers, and with a newline at its end."""
    content = part.lstrip(b"- \r\n") + b"\n"
    while header := _HEADER.match(content):
        content = content[header.end() :].lstrip(b"\r\n")
    return content


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
        end, first = len(body.content), b""
        for needle in needles:  # the others are of interest before the first one only
            at = body.content.find(needle, 0, min(end + len(needle) - 1, len(body.content)))
            if 0 <= at < end:
                end, first = at, needle
        if first:
            skipped = bytes(body.content[:end])
            del body.content[:end]
            return first, skipped
        if len(body.content) > MAX_PICTURE_BYTES:
            del body.content[:-kept]
        yield Need.MORE


def _take_jpeg(body: Body, delimiter: bytes, stated_bytes: int) -> Generator[Need, None, bytes | None]:
    """Takes the JPEG at the start of `body`; None if it is truncated, too large or not a JPEG.

    Args:
        body: starts with the JPEG.
        delimiter: what only stands behind it: the start of the next JPEG, where there is nothing between.
        stated_bytes: its length as the camera states it; 0 where it does not.
    """
    content = body.content
    scan_at: int | None = None
    searched = 0
    in_header = delimiter != _START  # a thumbnail in the header is a JPEG too
    while True:
        if scan_at is None:
            scan_at = scan_start(content)
        found = _END.search(content, max(scan_at, searched)) if scan_at else None
        end = found.end() if found else len(content)
        cut = content.find(delimiter, searched if in_header else max(searched, scan_at or end), end)
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


def _take_png(body: Body, delimiter: bytes) -> Generator[Need, None, bytes | None]:
    """Takes the PNG at the start of `body`; None if it is truncated or too large."""
    while True:
        end = body.content.find(_PNG_END)
        cut = body.content.find(delimiter, 0, end if end >= 0 else None)
        if cut >= 0 or len(body.content) > MAX_PICTURE_BYTES:
            del body.content[: cut if cut >= 0 else len(_PNG)]
            return None
        if end >= 0:
            png = bytes(body.content[: end + len(_PNG_END)])
            del body.content[: len(png)]
            return png
        yield Need.MORE
