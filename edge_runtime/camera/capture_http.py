"""Cameras that send MJPEG over HTTP: their JPEGs go through as they came, without OpenCV and numpy.

FFmpeg would decode every picture in full, also those that nobody looks at, in three times the memory.
"""

import fcntl
import os
import socket
import string
import struct
import termios
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from itertools import chain
from urllib.parse import quote, urljoin, urlsplit

from .. import jpeg
from ..errors import Unavailable
from .capture_backend import Opened, Picture
from .diagnosis import why_no_answer, why_refused
from .http_login import Login, authorization
from .multipart import Body, Need, pictures
from .source_address import masked

_PIECE_BYTES = 65_536
_BACKLOG_BYTES = 8_000_000
"""Linux keeps at most 6 MB for us: after more than this, what is read is no backlog but a sender at full
speed."""
_MAX_REQUESTS = 8
"""For one picture: redirections and answers to "who are you?"."""
_REDIRECTIONS = (301, 302, 303, 307, 308)
_CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}
_HEADERS = {"User-Agent": "edgecls", "Accept": "*/*", "Connection": "close"}


def open_mjpeg(url: str, timeout_s: float) -> Opened | None:
    """Opens an http(s) address; None where it gives something other than MJPEG, which FFmpeg may know.

    Args:
        url: may hold a user and a password, for Basic and Digest authentication.
        timeout_s: for the connection, and for each silence afterwards.

    Raises:
        Unavailable: it cannot be reached, refuses, gives a web page, or ends before the first picture.
    """
    try:
        answer, asked = _ask(url, timeout_s)
    except (HTTPException, OSError, UnicodeError) as error:
        raise why_no_answer(url, error) from error
    if answer.headers.get_content_maintype() != "multipart":
        answer.close()
        kind = answer.headers.get_content_type()
        if kind == "text/html":
            raise Unavailable(f"{masked(url)}: answers with a web page, not with a video; check the path")
        if kind in ("image/jpeg", "image/jpg", "image/png"):
            raise Unavailable(
                f"{masked(url)}: answers with a single picture, not with a video; name its stream"
            )
        return None
    given = _newest(answer, is_plain=urlsplit(asked).scheme == "http")
    try:
        first = next(given)
    except StopIteration:
        raise Unavailable(f"{masked(url)}: ends before its first picture; check the camera") from None
    size_px = jpeg.size_px(first.content) if first and isinstance(first.content, bytes) else None
    return Opened(chain([first], given), *(size_px or (0, 0)))


def _ask(url: str, timeout_s: float) -> tuple[HTTPResponse, str]:
    """Asks for `url`, goes where it is sent, and logs in where that is wanted; the address of the answer too.

    Raises:
        Unavailable: refused.
        HTTPException, OSError, UnicodeError: not reached, or not by HTTP.
    """
    login, asked, header = Login.of(url), url, None
    answer = _get(asked, header, timeout_s)
    for _ in range(_MAX_REQUESTS):
        place = answer.headers.get("Location")
        if answer.status in _REDIRECTIONS and place:
            before, asked, header = asked, urljoin(asked, place), None
            if urlsplit(asked).scheme not in _CONNECTIONS:
                raise Unavailable(f"{masked(url)}: sends us to {masked(asked)}; use that address")
            is_same_host = urlsplit(asked).hostname == urlsplit(before).hostname
            login = Login.of(asked) or (login if is_same_host else None)  # no other host gets the password
        elif header is not None or not (header := _login_header(answer, login, asked)):
            break
        answer.close()
        answer = _get(asked, header, timeout_s)
    if answer.status != 200:
        raise why_refused(url, answer.status, has_login=login is not None)
    return answer, asked


def _login_header(answer: HTTPResponse, login: Login | None, url: str) -> str | None:
    if answer.status != 401 or not login:
        return None
    return authorization(answer.headers.get_all("WWW-Authenticate", []), login, _target(url))


def _get(url: str, header: str | None, timeout_s: float) -> HTTPResponse:
    parts = urlsplit(url)
    connection = _CONNECTIONS[parts.scheme](parts.hostname or "", parts.port, timeout=timeout_s)
    connection.request("GET", _target(url), headers=_HEADERS | ({"Authorization": header} if header else {}))
    return connection.getresponse()


def _target(url: str) -> str:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return quote(target, safe=string.punctuation)


class _WakeUp:
    """Has the system wake us when enough has come: a picture in 40 packets would do so 40 times.

    Thirty pictures of 67 kB a second, in packets as on Ethernet, take 4.6 % of a core without this and 1.1 %
    with it. Not for TLS, which keeps back part of what it took from the system.
    """

    def __init__(self, answer: HTTPResponse) -> None:
        self._socket = socket.socket(fileno=os.dup(answer.fileno()))
        self._bytes = 1

    def after(self, awaited_bytes: int) -> None:
        wanted_bytes = min(awaited_bytes, _PIECE_BYTES)
        if wanted_bytes != self._bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted_bytes)
            self._bytes = wanted_bytes


def _newest(answer: HTTPResponse, *, is_plain: bool) -> Iterator[Picture | None]:
    """The pictures until the stream ends; those behind which a newer one waits already are left out."""
    wake = _WakeUp(answer) if is_plain else None
    body, newest, unused_bytes = Body(), None, 0
    for came in pictures(body, answer.headers.get_boundary("")):
        if came is None:
            yield None
        elif came is not Need.MORE:
            newest = came
        else:
            if newest and (unused_bytes > _BACKLOG_BYTES or not _more_waits(answer)):
                yield newest
                newest, unused_bytes = None, 0
            if wake:
                wake.after(body.awaited_bytes)
            piece = _piece(answer)
            if not piece:
                break
            unused_bytes += len(piece)
            body.add(piece)
    if newest:
        yield newest


def _more_waits(answer: HTTPResponse) -> bool:
    """Whether more has arrived than what ends a chunk, which is left behind where one was read to its end."""
    (waiting_bytes,) = struct.unpack("i", fcntl.ioctl(answer, termios.FIONREAD, bytes(4)))
    return waiting_bytes > len(b"\r\n")


def _piece(answer: HTTPResponse) -> bytes:
    """Waits for what comes next; empty where the stream ended, or was cut off."""
    try:
        return answer.read1(_PIECE_BYTES)
    except (HTTPException, OSError):
        return b""
