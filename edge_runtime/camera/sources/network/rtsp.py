"""RTSP dialogue: asks a camera whether it is there, and why it gives no video: FFmpeg says neither."""

import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from ....errors import EdgeclsError, Unavailable
from ..address import masked
from ..capture_process import CaptureNotice, Notify, Trust
from .connection import Endpoint, connect, no_notice
from .diagnosis import PROBE_S, what_it_speaks, why_no_answer, why_refused, wrong_scheme
from .http_login import Credentials, Login

_STATUS = re.compile(r"RTSP/1\.[0-9] ([0-9]{3})")
_CHALLENGE = re.compile(r"^www-authenticate:\s*(.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"^content-length:\s*([0-9]{1,6})", re.IGNORECASE | re.MULTILINE)
_MAX_ANSWER_BYTES = 100_000


def check_answer(url: str, timeout_s: float, trust: Trust, notify: Notify) -> None:
    """Waits until a camera answers at all, which it may do long before its first picture.

    Raises:
        Unavailable: it cannot be reached, is not trusted, or speaks another protocol.
    """
    try:
        with connect(url, timeout_s, trust, notify) as connection:
            answer = _ask(connection, "OPTIONS", without_login(url), 1)
    except Unavailable as error:  # not the pinned certificate
        raise Unavailable(f"{masked(url)}: {error}") from error
    except ConnectionResetError:
        answer = _Answer(None, "")
    except (OSError, UnicodeError) as error:
        notify(CaptureNotice("answered"))  # to find out why takes seconds, which it shall have
        raise why_no_answer(url, error) from error
    notify(CaptureNotice("answered"))
    spoken = what_it_speaks(Endpoint.of(url)) if answer.status is None else ""
    if spoken and spoken != urlsplit(url).scheme:  # otherwise FFmpeg may still get on with it
        raise Unavailable(f"{masked(url)}: {wrong_scheme(spoken)}")


def why_no_video(url: str, trust: Trust) -> EdgeclsError:
    """Returns the error to raise for an RTSP URL from which FFmpeg got no video."""
    credentials = Credentials.of(url)
    try:
        answer = _describe(url, trust, credentials)
    except Unavailable as error:
        return error
    except (OSError, UnicodeError) as error:
        return why_no_answer(url, error)
    if answer.status not in (200, None):
        return why_refused(url, answer.status, has_login=credentials is not None)
    if answer.status == 200 and "m=video" not in answer.text:
        return Unavailable(f"{masked(url)}: has no video; check the path in the camera's manual")
    return Unavailable(
        f"{masked(url)}: answers, but not with a video that FFmpeg can play; check path, user and password, "
        "or set the camera to H.264 or MJPEG"
    )


def without_login(url: str) -> str:
    """Returns a URL without its user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@dataclass(frozen=True)
class _Answer:
    status: int | None
    """None if it is not RTSP."""
    text: str


def _describe(url: str, trust: Trust, credentials: Credentials | None) -> _Answer:
    """Asks for the description of a stream, with the login that is asked for."""
    target = without_login(url)
    with connect(url, PROBE_S, trust, no_notice) as connection:
        answer = _ask(connection, "DESCRIBE", target, 1)
        if answer.status != 401 or not credentials:
            return answer
        login = Login(credentials)
        if not login.challenge(_CHALLENGE.findall(answer.text)):
            return answer
        header = f"Authorization: {login.header(target, 'DESCRIBE')}\r\n"
        return _ask(connection, "DESCRIBE", target, 2, header)


def _ask(connection: socket.socket, method: str, target: str, number: int, headers: str = "") -> _Answer:
    """Sends one request and returns its whole answer.

    Raises:
        OSError: the connection broke.
    """
    request = f"{method} {target} RTSP/1.0\r\nCSeq: {number}\r\nUser-Agent: edgecls\r\n{headers}\r\n"
    connection.sendall(request.encode())
    content = b""
    while len(content) < _MAX_ANSWER_BYTES:
        head, end, body = content.partition(b"\r\n\r\n")
        length = _LENGTH.search(head) if end else None
        if end and len(body) >= (int(length[1]) if length else 0):
            break
        piece = connection.recv(4096)
        if not piece:
            break
        content += piece
        if not content.startswith(b"RTSP/"[: len(content)]):
            break
    text = content.decode("latin-1")
    status = _STATUS.match(text)
    return _Answer(int(status[1]) if status else None, text)
