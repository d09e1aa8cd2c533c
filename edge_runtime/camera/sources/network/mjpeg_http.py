"""MJPEG over HTTP: reads network cameras that send JPEGs, and passes these on as they came.

A camera sends a stream, or one picture for each request, which is then asked for again and again. It needs
neither OpenCV nor numpy: FFmpeg would decode every picture in full, even those that nobody looks at, in three
times the memory. `multipart.py` parses the responses.
"""

import os
import select
import socket
import struct
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from itertools import chain
from urllib.parse import urlsplit

from ....errors import BadImage, Unavailable
from ....images import jpeg_header
from ....images.kinds import Kind, kind_of
from ...frame import OpenCamera, Picture
from ..address import masked
from ..capture_process import ANY_AUTHORITY, CaptureNotice, Notify, Trust
from .connection import no_notice
from .http_client import HttpClient
from .multipart import Body, Need, Pictures, jpegs, pictures

try:
    import fcntl
    import termios
except ImportError:  # Windows
    fcntl = termios = None

_PIECE_BYTES = 65_536
_MAX_BACKLOG_BYTES = 8_000_000
"""Linux buffers at most 6 MB for a connection: a reader that is behind by more reads from a sender at full
speed, not from a backlog."""
_MAX_IMAGE_BYTES = 100_000_000
"""Of a picture of another format than JPEG; a PNG of 50 megapixels may have as many."""
_HEAD_BYTES = 512
_JPEG = b"\xff\xd8\xff"
_POLL_S, _SAME_POLL_S = 0.2, 1.0
"""Time between two requests for a picture, at least; and at most, while the camera gives the same picture."""
_PEEP_S = 0.5
"""After this time without the rest of a picture, what there is of it is read."""
_REST_S = 1.0
"""Some cameras state a length that is too short: the rest of the picture comes within this time."""
_NOTICE_S, _LONGEST_PICTURE_S = 1.0, 120.0
"""A picture that takes longer than the first is told about, up to the second."""
_PLAYLISTS = {b"#EXTM3U": "HLS", b"<MPD": "DASH", b"mpegurl": "HLS", b"dash+xml": "DASH"}


def open_mjpeg(
    url: str, timeout_s: float, trust: Trust = ANY_AUTHORITY, notify: Notify = no_notice
) -> OpenCamera | None:
    """Opens an http(s) URL; None if it gives something other than pictures, which FFmpeg may know.

    Args:
        url: may hold a user and a password, for Basic and Digest authentication.
        timeout_s: for the connection, and for each silence afterwards.
        trust: which certificates are trusted.
        notify: gets what opening waits for, and that a slow picture is on its way.

    Raises:
        Unavailable: it cannot be reached, refuses, gives a web page or a playlist, or ends before its first
            picture.
    """
    client = HttpClient(url, timeout_s, trust, notify)
    response, requested_at_s = client.get(), time.monotonic()
    notify(CaptureNotice("answered"))
    body = _Response(response, is_plain=urlsplit(client.final_url).scheme == "http", notify=notify)
    parser = _parser(client, body)
    if parser is None:
        client.close()
        return None
    newest = _pictures(client, body, parser, requested_at_s)
    try:
        first = next(newest)
    except StopIteration:
        raise Unavailable(f"{masked(url)}: ends before its first picture; check the camera") from None
    size_px = jpeg_header.size_px(first.content) if first and isinstance(first.content, bytes) else None
    return OpenCamera(chain([first], newest), *(size_px or (0, 0)))


class _Response:
    """A response that is read piece by piece, and whose length may be wrong."""

    def __init__(self, response: HTTPResponse, *, is_plain: bool, notify: Notify) -> None:
        self.body = Body()
        self.is_multipart = response.headers.get_content_maintype() == "multipart"
        self.is_one_picture = response.length is not None and not self.is_multipart
        """It states its length, so it is no stream."""
        self.is_image = False
        """It is an image other than JPEG."""
        self._response = response
        self._left = response.length if self.is_one_picture else None
        response.length = None  # a stream goes on until the camera closes it, whatever length it states
        self._notify = notify
        self._noticed_at_s = 0.0
        has_watermark = fcntl is not None and is_plain and not self.is_one_picture
        self._watermark = _LowWatermark(response) if has_watermark else None

    @property
    def kind(self) -> str:
        """The content type; text/plain where none is stated."""
        return self._response.headers.get_content_type()

    @property
    def boundary(self) -> str:
        """As the header states it; empty where it does not."""
        return self._response.headers.get_boundary("")

    @property
    def is_complete(self) -> bool:
        """Whether a multipart response was closed by its last delimiter, and not broken off."""
        return not self.is_multipart or self.body.content.lstrip().startswith(b"--")

    @property
    def is_read(self) -> bool:
        """Whether the whole response was read, and the connection can serve the next request."""
        return self._left == 0 and not self._response.will_close

    def has_more(self) -> bool:
        """Whether more has arrived than the end of a chunk, which may be left after the chunk was read."""
        if fcntl is None or termios is None:
            return _peeked_bytes(self._response, 3) == 3
        (waiting_bytes,) = struct.unpack("i", fcntl.ioctl(self._response, termios.FIONREAD, bytes(4)))
        return waiting_bytes > len(b"\r\n")

    def read(self) -> int:
        """Waits for the next bytes and adds them; returns their number, 0 at the end or an interruption."""
        if self._left is not None and self._left <= 0 and not self._continues():
            return 0
        if self._watermark:
            self._watermark.wait(1 if self.body.is_slow else self.body.awaited_bytes)
        try:
            piece = self._response.read1(_PIECE_BYTES)  # so that none stays in Python's buffer
        except (HTTPException, OSError):
            return 0
        if self._left is not None:
            self._left -= len(piece)
        self.body.add(piece)
        self._tell_of_a_slow_picture()
        return len(piece)

    def _continues(self) -> bool:
        """Whether a picture goes on behind the stated length, which was too short, or else was cut."""
        is_cut = self.body.began_at_s is not None
        return is_cut and bool(select.select([self._response.fileno()], [], [], _REST_S)[0])

    def _tell_of_a_slow_picture(self) -> None:
        now_s, began_at_s = self.body.received_at_s, self.body.began_at_s
        if began_at_s is None or now_s - max(began_at_s, self._noticed_at_s) < _NOTICE_S:
            return
        if now_s - began_at_s < _LONGEST_PICTURE_S:
            self._noticed_at_s = now_s
            self._notify(CaptureNotice("receiving"))

    def close(self) -> None:
        """Closes the response, and leaves the connection open."""
        self._response.close()


def _peeked_bytes(response: HTTPResponse, most: int) -> int:
    """How many bytes have arrived, up to `most`."""
    connection = socket.socket(fileno=response.fileno())
    try:
        is_readable = select.select([connection], [], [], 0)[0]
        return len(connection.recv(most, socket.MSG_PEEK)) if is_readable else 0
    finally:
        connection.detach()  # it belongs to the response


class _LowWatermark:
    """Makes the system wake this process only when enough bytes have arrived.

    A picture in 40 packets would wake it 40 times: 30 pictures of 67 kB a second, in Ethernet packets, take
    4.6 % of a core without this and 1.1 % with it. Not for TLS, which buffers bytes of its own.
    """

    def __init__(self, response: HTTPResponse) -> None:
        self._socket = socket.socket(fileno=os.dup(response.fileno()))
        self._bytes = 1
        self._is_seen_whole = not response.chunked  # otherwise, some bytes may wait in Python's buffer

    def wait(self, awaited_bytes: int) -> None:
        """Lets the next read wait for so many bytes, but not unseen where they take long to arrive."""
        self._set(awaited_bytes)
        if self._bytes > 1 and self._is_seen_whole and not select.select([self._socket], [], [], _PEEP_S)[0]:
            self._set(1)

    def _set(self, awaited_bytes: int) -> None:
        wanted_bytes = min(awaited_bytes, _PIECE_BYTES)
        if wanted_bytes != self._bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted_bytes)
            self._bytes = wanted_bytes


# What a response holds: its first bytes say it better than its content type.


def _parser(client: HttpClient, response: _Response) -> Pictures | None:
    """Returns the parser for a response; None if it holds no pictures.

    Raises:
        Unavailable: it is a web page, a playlist or another text.
    """
    head = _head(response, len(_JPEG) if response.is_multipart else _HEAD_BYTES)
    if response.is_multipart and not head.lstrip().startswith(_JPEG):  # which comes without any delimiter
        return pictures(response.body, response.boundary)
    start = head.lstrip()
    if start.startswith(_JPEG):
        return jpegs(response.body)
    if kind := kind_of(start):
        if kind.cure:
            raise Unavailable(_unsupported(client.url, kind))
        response.is_image = True
        return _until_the_end(client, response.body)
    if start.startswith(b"--") and b"content-type: image/" in start.lower():
        return pictures(response.body, "")
    _refuse_texts(client, response.kind, start)
    if response.kind.startswith("image/"):
        raise Unavailable(f"{masked(client.url)}: gives no picture ({response.kind}); check the camera")
    return None


def _unsupported(url: str, kind: Kind) -> str:
    return f"{masked(url)}: gives pictures as {kind.name}; set the camera to JPEG"


def _head(response: _Response, wanted_bytes: int) -> bytes:
    """Returns the first bytes of a response, as many as there are or as are needed."""
    content = response.body.content
    while len(content) < wanted_bytes and not content.startswith(_JPEG):
        if not response.read():
            break
    return bytes(content[:_HEAD_BYTES])


def _refuse_texts(client: HttpClient, kind: str, start: bytes) -> None:
    """Raises Unavailable for a response that is a text; what else it may be, FFmpeg finds out."""
    shown, lowered = masked(client.url), start.lower()
    if client.is_redirected:
        shown += f": redirects to {masked(client.final_url)}"
    playlist = next((name for mark, name in _PLAYLISTS.items() if mark in start or mark in kind.encode()), "")
    if playlist:
        raise Unavailable(
            f"{shown}: {playlist} comes in segments of many seconds and is not supported; use the camera's "
            "RTSP, MJPEG or snapshot URL"
        )
    if kind == "text/html" or lowered.startswith((b"<!doctype html", b"<html")):
        raise Unavailable(
            f"{shown}: answers with a web page, not with a video; check the path, and whether it wants a "
            "login"
        )
    if start and start.isascii() and b"\0" not in start:
        raise Unavailable(f"{shown}: answers with a text ({kind}), not with a video; check the path")


def _until_the_end(client: HttpClient, body: Body) -> Pictures:
    while len(body.content) <= _MAX_IMAGE_BYTES:
        yield Need.MORE
    size = f"{_MAX_IMAGE_BYTES / 1e6:,.0f} MB"
    raise Unavailable(f"{masked(client.url)}: gives a picture of more than {size}; set the camera to JPEG")


# Pictures.


@dataclass
class _Given:
    """What one response has given."""

    count: int = 0
    last: object = b""


def _pictures(
    client: HttpClient, response: _Response, parser: Pictures, requested_at_s: float
) -> Iterator[Picture | None]:
    """Yields the pictures of a stream until it ends, or those of a camera that gives one for each request."""
    given, last, pause_s = (yield from _newest(client, response, parser, requested_at_s)), None, _POLL_S
    while given.count == 1 and response.is_complete:
        response.close()
        if not response.is_read:
            client.close()
        pause_s = min(2 * pause_s, _SAME_POLL_S) if given.last == last else _POLL_S
        last = given.last
        time.sleep(max(0.0, requested_at_s + pause_s - time.monotonic()))
        requested_at_s = time.monotonic()
        response = _Response(client.get(keeps_alive=True), is_plain=False, notify=no_notice)
        next_parser = _parser(client, response)
        if next_parser is None:
            return
        given = yield from _newest(client, response, next_parser, requested_at_s)


def _newest(
    client: HttpClient, response: _Response, parser: Pictures, requested_at_s: float
) -> Generator[Picture | None, None, _Given]:
    """Yields the pictures of one response, without those for which a newer one has arrived already."""
    body, given, newest, unused_bytes = response.body, _Given(), None, 0
    for parsed in parser:
        if parsed is None:
            _check_kind(client, body, given)
            yield None
        elif parsed is not Need.MORE:
            newest = parsed
            given.count += 1
            if response.is_one_picture:
                break
        else:
            if newest and (unused_bytes > _MAX_BACKLOG_BYTES or not response.has_more()):
                given.last = newest.content
                yield _decoded(newest)
                newest, unused_bytes = None, 0
            count = response.read()
            if not count:
                break
            unused_bytes += count
    if response.is_image and body.content:
        newest, given.count = Picture(bytes(body.content), requested_at_s), 1
    elif not (given.count or response.is_multipart or body.began_at_s is None):
        yield None  # a picture that was cut; the next request may get a whole one
        given.count = 1
    if newest:
        given.last = newest.content
        # A picture made for this request was taken after it, at some time before its first bytes came.
        yield _decoded(newest._replace(captured_at_s=requested_at_s) if response.is_one_picture else newest)
    return given


def _check_kind(client: HttpClient, body: Body, given: _Given) -> None:
    """Raises Unavailable where a stream has given pictures of another format and no other."""
    if body.other_kind and not given.count:
        raise Unavailable(_unsupported(client.url, body.other_kind))


def _decoded(picture: Picture) -> Picture | None:
    """Returns a picture of another format than JPEG as pixels; None if it is damaged."""
    content = picture.content
    if not isinstance(content, bytes) or jpeg_header.is_jpeg(content):
        return picture
    from ....images.decode import decode  # noqa: PLC0415 - OpenCV, which cameras that give JPEG do without
    from ..memory import MemoryRoom  # noqa: PLC0415 - as above

    with closing(MemoryRoom()) as room, room:
        try:
            return picture._replace(content=decode(content, "picture"))
        except (BadImage, MemoryError):
            return None
