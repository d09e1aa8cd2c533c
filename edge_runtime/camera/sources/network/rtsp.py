"""RTSP dialogue: asks a camera whether it is there, and why it gives no video: FFmpeg says neither."""

import re
import socket
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from ....errors import EdgeclsError, Unavailable
from ..address import masked
from ..capture_process import CaptureNotice, Notify, Trust
from .connection import Endpoint, connect, no_notice
from .diagnosis import PROBE_S, what_it_speaks, why_no_answer, why_refused, wrong_scheme
from .http_login import Credentials, Login
from .redirection import MAX_REDIRECTIONS, credentials_for, redirected

_STATUS = re.compile(r"RTSP/1\.[0-9] ([0-9]{3})")
_CHALLENGE = re.compile(r"^www-authenticate:\s*(.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_LOCATION = re.compile(r"^location:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_REDIRECTIONS = (300, 301, 302, 303, 305, 307, 308)
_LENGTH = re.compile(rb"^content-length:\s*([0-9]{1,6})", re.IGNORECASE | re.MULTILINE)
_MAX_ANSWER_BYTES = 100_000


def url_to_play(url: str, timeout_s: float, trust: Trust, notify: Notify) -> str:
    """Waits until a camera answers at all, which it may do long before its first picture.

    Returns:
        The URL for FFmpeg: where redirections lead to, without the password if it must not go there. FFmpeg
        itself would send it along to any host and port.

    Raises:
        Unavailable: it cannot be reached, is not trusted, speaks another protocol, redirects to nowhere, or
            refuses user and password.
    """
    check_answer(url, timeout_s, trust, notify)
    if not Credentials.of(url):
        return url  # FFmpeg follows redirections, and there is nothing to keep from them
    asked = url
    for _ in range(MAX_REDIRECTIONS):
        try:
            answer = _describe(url, trust, credentials_for(url, asked), timeout_s)
        except (OSError, UnicodeError):
            return url  # FFmpeg gets no answer either, and `why_no_video` says why
        if answer.status == 401 and answer.had_login:  # some cameras lock the account after a few such tries
            raise why_refused(asked, 401, has_login=True, final_url=url)
        location = _LOCATION.search(answer.text)
        if answer.status not in _REDIRECTIONS or not location:
            return url
        url = _with_login(redirected(asked, url, location[1], ("rtsp", "rtsps")), asked)
    raise Unavailable(f"{masked(asked)}: redirects in a circle, to {masked(url)}; check the path")


def _with_login(url: str, asked: str) -> str:
    """A URL that was redirected to, with the login of the one that was asked for if it may go there."""
    parts, login = urlsplit(url), urlsplit(asked).netloc.rpartition("@")[0]
    if "@" in parts.netloc or not credentials_for(url, asked):
        return url
    return parts._replace(netloc=f"{login}@{parts.netloc}").geturl()


def check_answer(url: str, timeout_s: float, trust: Trust, notify: Notify) -> None:
    """Waits until a camera answers; raises Unavailable where it cannot, or speaks another protocol."""
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
        answer = _describe(url, trust, credentials, PROBE_S)
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
    had_login: bool = False
    """User and password were sent."""


def _describe(url: str, trust: Trust, credentials: Credentials | None, timeout_s: float) -> _Answer:
    """Asks for the description of a stream, with the login that is asked for."""
    target = without_login(url)
    with connect(url, timeout_s, trust, no_notice) as connection:
        answer = _ask(connection, "DESCRIBE", target, 1)
        if answer.status != 401 or not credentials:
            return answer
        login = Login(credentials)
        if not login.challenge(_CHALLENGE.findall(answer.text)):
            return answer
        header = f"Authorization: {login.header(target, 'DESCRIBE')}\r\n"
        return replace(_ask(connection, "DESCRIBE", target, 2, header), had_login=True)


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
