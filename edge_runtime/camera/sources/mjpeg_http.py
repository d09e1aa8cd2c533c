"""MJPEG over HTTP: reads network cameras that send JPEGs, and passes these on as they came.

It needs neither OpenCV nor numpy: FFmpeg would decode every picture in full, even those that nobody looks at,
in three times the memory. `multipart.py` parses the response.
"""

import fcntl
import hashlib
import os
import re
import socket
import string
import struct
import termios
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from itertools import chain
from urllib.parse import quote, unquote, urljoin, urlsplit

from ...errors import Unavailable
from ...images import jpeg_header
from ..frame import OpenCamera, Picture
from .address import masked
from .diagnosis import why_no_answer, why_refused
from .multipart import Body, Need, pictures

_PIECE_BYTES = 65_536
_MAX_BACKLOG_BYTES = 8_000_000
"""Linux buffers at most 6 MB for a connection: a reader that is behind by more reads from a sender at full
speed, not from a backlog."""
_MAX_REQUESTS = 8
"""For one stream: redirections and logins."""
_REDIRECTIONS = (301, 302, 303, 307, 308)
_CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}
_HEADERS = {"User-Agent": "edgecls", "Accept": "*/*", "Connection": "close"}


def open_mjpeg(url: str, timeout_s: float) -> OpenCamera | None:
    """Opens an http(s) URL; None if it gives something other than MJPEG, which FFmpeg may know.

    Args:
        url: may hold a user and a password, for Basic and Digest authentication.
        timeout_s: for the connection, and for each silence afterwards.

    Raises:
        Unavailable: it cannot be reached, refuses, gives a web page, or ends before its first picture.
    """
    try:
        response, final_url = _request(url, timeout_s)
    except (HTTPException, OSError, ValueError) as error:  # ValueError: redirected to an address that is none
        raise why_no_answer(url, error) from error
    if response.headers.get_content_maintype() != "multipart":
        response.close()
        kind = response.headers.get_content_type()
        if kind == "text/html":
            raise Unavailable(f"{masked(url)}: answers with a web page, not with a video; check the path")
        if kind in ("image/jpeg", "image/jpg", "image/png"):
            raise Unavailable(
                f"{masked(url)}: answers with a single picture, not with a video; use the URL of its stream"
            )
        return None
    newest = _newest_pictures(response, is_plain=urlsplit(final_url).scheme == "http")
    try:
        first = next(newest)
    except StopIteration:
        raise Unavailable(f"{masked(url)}: ends before its first picture; check the camera") from None
    size_px = jpeg_header.size_px(first.content) if first and isinstance(first.content, bytes) else None
    return OpenCamera(chain([first], newest), *(size_px or (0, 0)))


def _request(url: str, timeout_s: float) -> tuple[HTTPResponse, str]:
    """Requests `url`, follows redirections and logs in; returns the response and its URL.

    Raises:
        Unavailable: refused.
        HTTPException, OSError, UnicodeError: not reached, or not by HTTP.
    """
    login, current_url, header = Credentials.of(url), url, None
    response = _get(current_url, header, timeout_s)
    for _ in range(_MAX_REQUESTS):
        location = response.headers.get("Location")
        if response.status in _REDIRECTIONS and location:
            before, current_url, header = current_url, urljoin(current_url, location), None
            if urlsplit(current_url).scheme not in _CONNECTIONS:
                raise Unavailable(f"{masked(url)}: redirects to {masked(current_url)}; use that URL")
            is_same_host = urlsplit(current_url).hostname == urlsplit(before).hostname
            # Another host does not get the password.
            login = Credentials.of(current_url) or (login if is_same_host else None)
        elif header is not None or not (header := _login_header(response, login, current_url)):
            break
        response.close()
        response = _get(current_url, header, timeout_s)
    if response.status != 200:
        raise why_refused(url, response.status, has_login=login is not None)
    return response, current_url


def _get(url: str, login_header: str | None, timeout_s: float) -> HTTPResponse:
    parts = urlsplit(url)
    connection = _CONNECTIONS[parts.scheme](parts.hostname or "", parts.port, timeout=timeout_s)
    headers = _HEADERS | ({"Authorization": login_header} if login_header else {})
    connection.request("GET", _target(url), headers=headers)
    return connection.getresponse()


def _target(url: str) -> str:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return quote(target, safe=string.punctuation)


# Login: Basic (RFC 7617) and Digest (RFC 7616) authentication.

_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
_DIGEST = re.compile(r"\bdigest\s+(.*)", re.IGNORECASE | re.DOTALL)
_BASIC = re.compile(r"\bbasic\b", re.IGNORECASE)
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


@dataclass(frozen=True)
class Credentials:
    """A user and a password."""

    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, url: str) -> "Credentials | None":
        """Returns the user and password in a URL; None if it has none."""
        text, at, _ = urlsplit(url).netloc.rpartition("@")
        user, _, password = text.partition(":")
        return cls(unquote(user), unquote(password)) if at else None


def _login_header(response: HTTPResponse, login: Credentials | None, url: str) -> str | None:
    if response.status != 401 or not login:
        return None
    challenges = response.headers.get_all("WWW-Authenticate", [])
    return authorization(challenges, login, _target(url))


def authorization(
    challenges: Iterable[str], login: Credentials, target: str, client_nonce: str = ""
) -> str | None:
    """Returns the `Authorization` header for a GET of `target`; None if no challenge is supported.

    Args:
        challenges: the server's `WWW-Authenticate` headers. The first supported Digest is answered; Basic,
            which sends the password itself, only if there is none.
        login: the user and password.
        target: path and query of the request.
        client_nonce: a random text; generated if empty.
    """
    challenges = list(challenges)
    for challenge in challenges:
        digest = _DIGEST.search(challenge)
        header = _digest(digest[1], login, target, client_nonce or os.urandom(16).hex()) if digest else None
        if header:
            return header
    if any(_BASIC.search(challenge) for challenge in challenges):
        return "Basic " + b64encode(f"{login.user}:{login.password}".encode()).decode()
    return None


def _digest(challenge: str, login: Credentials, target: str, client_nonce: str) -> str | None:
    """Returns the answer to a Digest challenge; None if its algorithm is not supported."""
    asked: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(challenge):
        asked.setdefault(name.lower(), quoted or plain)  # another challenge may follow in the same header
    algorithm = asked.get("algorithm", "MD5")
    base, per_session, _ = algorithm.upper().partition("-SESS")
    if base not in _HASHES or "nonce" not in asked:
        return None
    realm, nonce = asked.get("realm", ""), asked["nonce"]
    secret = _hash(base, f"{login.user}:{realm}:{login.password}")
    if per_session:
        secret = _hash(base, f"{secret}:{nonce}:{client_nonce}")
    request = _hash(base, f"GET:{target}")
    answer = {"username": login.user, "realm": realm, "nonce": nonce, "uri": target}
    if "opaque" in asked:
        answer["opaque"] = asked["opaque"]
    unquoted = f"algorithm={algorithm}"
    if "auth" in re.split(r"[\s,]+", asked.get("qop", "")):
        answer["cnonce"] = client_nonce
        unquoted += ", qop=auth, nc=00000001"
        answer["response"] = _hash(base, f"{secret}:{nonce}:00000001:{client_nonce}:auth:{request}")
    else:
        answer["response"] = _hash(base, f"{secret}:{nonce}:{request}")
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in answer.items()) + ", " + unquoted


def _hash(algorithm: str, text: str) -> str:
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


# Pictures.


def _newest_pictures(response: HTTPResponse, *, is_plain: bool) -> Iterator[Picture | None]:
    """Yields pictures until the stream ends, without those for which a newer one has arrived already."""
    watermark = _LowWatermark(response) if is_plain else None
    body, newest, unused_bytes = Body(), None, 0
    for parsed in pictures(body, response.headers.get_boundary("")):
        if parsed is None:
            yield None
        elif parsed is not Need.MORE:
            newest = parsed
        else:
            if newest and (unused_bytes > _MAX_BACKLOG_BYTES or not _has_more(response)):
                yield newest
                newest, unused_bytes = None, 0
            if watermark:
                watermark.set(body.awaited_bytes)
            piece = _read_piece(response)
            if not piece:
                break
            unused_bytes += len(piece)
            body.add(piece)
    if newest:
        yield newest


class _LowWatermark:
    """Makes the system wake this process only when enough bytes have arrived.

    A picture in 40 packets would wake it 40 times: 30 pictures of 67 kB a second, in Ethernet packets, take
    4.6 % of a core without this and 1.1 % with it. Not for TLS, which buffers bytes of its own.
    """

    def __init__(self, response: HTTPResponse) -> None:
        self._socket = socket.socket(fileno=os.dup(response.fileno()))
        self._bytes = 1

    def set(self, awaited_bytes: int) -> None:
        wanted_bytes = min(awaited_bytes, _PIECE_BYTES)
        if wanted_bytes != self._bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted_bytes)
            self._bytes = wanted_bytes


def _has_more(response: HTTPResponse) -> bool:
    """Whether more has arrived than the end of a chunk, which may be left after the chunk was read."""
    (waiting_bytes,) = struct.unpack("i", fcntl.ioctl(response, termios.FIONREAD, bytes(4)))
    return waiting_bytes > len(b"\r\n")


def _read_piece(response: HTTPResponse) -> bytes:
    """Waits for the next bytes; returns none if the stream ended or was interrupted."""
    try:
        return response.read1(_PIECE_BYTES)
    except (HTTPException, OSError):
        return b""
