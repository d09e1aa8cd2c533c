"""Cameras that send MJPEG over HTTP: their JPEGs go through as they came, without OpenCV and numpy.

FFmpeg would decode every picture in full, also those that nobody looks at, in three times the memory.
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
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from itertools import chain
from urllib.parse import quote, unquote, urljoin, urlsplit

from ...errors import Unavailable
from ...images import jpeg_header
from ..frame import OpenCamera, Picture
from .address import masked
from .diagnosis import why_no_answer, why_refused
from .multipart import Body, Need, pictures

# The answer to a web server that asks who we are: Basic (RFC 7617) and Digest (RFC 7616) authentication.

_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
_DIGEST = re.compile(r"\bdigest\s+(.*)", re.IGNORECASE | re.DOTALL)
_BASIC = re.compile(r"\bbasic\b", re.IGNORECASE)
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


@dataclass(frozen=True)
class Credentials:
    """A user and a password."""

    user: str
    password: str

    @classmethod
    def of(cls, url: str) -> "Credentials | None":
        """What stands before the host of an address, if anything does."""
        text, at, _ = urlsplit(url).netloc.rpartition("@")
        user, _, password = text.partition(":")
        return cls(unquote(user), unquote(password)) if at else None


def authorization(challenges: Iterable[str], login: Credentials, target: str, nonce: str = "") -> str | None:
    """The value of the `Authorization` header for a GET of `target`; None where no challenge is understood.

    Args:
        challenges: the values of the server's `WWW-Authenticate` headers. Its first Digest that we know is
            taken, and Basic, which sends the password itself, only where there is none.
        login: who we are.
        target: the path and query that are asked for.
        nonce: a random text of our own, made here where it is empty.
    """
    challenges = list(challenges)
    for challenge in challenges:
        digest = _DIGEST.search(challenge)
        answer = _digest(digest[1], login, target, nonce or os.urandom(16).hex()) if digest else None
        if answer:
            return answer
    if any(_BASIC.search(challenge) for challenge in challenges):
        return "Basic " + b64encode(f"{login.user}:{login.password}".encode()).decode()
    return None


def _digest(challenge: str, login: Credentials, target: str, own_nonce: str) -> str | None:
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
        secret = _hash(base, f"{secret}:{nonce}:{own_nonce}")
    request = _hash(base, f"GET:{target}")
    answer = {"username": login.user, "realm": realm, "nonce": nonce, "uri": target}
    if "opaque" in asked:
        answer["opaque"] = asked["opaque"]
    bare = f"algorithm={algorithm}"
    if "auth" in re.split(r"[\s,]+", asked.get("qop", "")):
        answer["cnonce"] = own_nonce
        bare += ", qop=auth, nc=00000001"
        answer["response"] = _hash(base, f"{secret}:{nonce}:00000001:{own_nonce}:auth:{request}")
    else:
        answer["response"] = _hash(base, f"{secret}:{nonce}:{request}")
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in answer.items()) + ", " + bare


def _hash(algorithm: str, text: str) -> str:
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


_PIECE_BYTES = 65_536
_BACKLOG_BYTES = 8_000_000
"""Linux keeps at most 6 MB for us: after more than this, what is read is no backlog but a sender at full
speed."""
_MAX_REQUESTS = 8
"""For one picture: redirections and answers to "who are you?"."""
_REDIRECTIONS = (301, 302, 303, 307, 308)
_CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}
_HEADERS = {"User-Agent": "edgecls", "Accept": "*/*", "Connection": "close"}


def open_mjpeg(url: str, timeout_s: float) -> OpenCamera | None:
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
    size_px = jpeg_header.size_px(first.content) if first and isinstance(first.content, bytes) else None
    return OpenCamera(chain([first], given), *(size_px or (0, 0)))


def _ask(url: str, timeout_s: float) -> tuple[HTTPResponse, str]:
    """Asks for `url`, goes where it is sent, and logs in where that is wanted; the address of the answer too.

    Raises:
        Unavailable: refused.
        HTTPException, OSError, UnicodeError: not reached, or not by HTTP.
    """
    login, asked, header = Credentials.of(url), url, None
    answer = _get(asked, header, timeout_s)
    for _ in range(_MAX_REQUESTS):
        place = answer.headers.get("Location")
        if answer.status in _REDIRECTIONS and place:
            before, asked, header = asked, urljoin(asked, place), None
            if urlsplit(asked).scheme not in _CONNECTIONS:
                raise Unavailable(f"{masked(url)}: sends us to {masked(asked)}; use that address")
            is_same_host = urlsplit(asked).hostname == urlsplit(before).hostname
            login = Credentials.of(asked) or (login if is_same_host else None)
        elif header is not None or not (header := _login_header(answer, login, asked)):
            break
        answer.close()
        answer = _get(asked, header, timeout_s)
    if answer.status != 200:
        raise why_refused(url, answer.status, has_login=login is not None)
    return answer, asked


def _login_header(answer: HTTPResponse, login: Credentials | None, url: str) -> str | None:
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
