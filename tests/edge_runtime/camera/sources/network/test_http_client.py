"""Requests to cameras that want a login, redirect, or answer with something else than pictures."""

import hashlib
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from itertools import islice

import pytest

from edgecls.edge_runtime.camera.sources.network.http_login import Credentials, Login, authorization
from edgecls.edge_runtime.camera.sources.network.mjpeg_http import open_mjpeg
from edgecls.edge_runtime.errors import Unavailable
from tests.mjpeg_server import MjpegServer

TIMEOUT_S = 60.0
USER, PASSWORD, REALM = "admin", "pa:ss", 'a "camera"'


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class DigestGuard:
    """Asks with one of `nonces` after the other, and lets a request pass that answers the last one."""

    def __init__(self, *nonces: str, challenge: str = 'qop="auth"', says_stale: bool = True) -> None:
        self.nonces = list(nonces)
        self.good = nonces[-1]
        self.challenge = challenge
        self.says_stale = says_stale
        self.seen: list[dict[str, str]] = []

    def __call__(self, request: BaseHTTPRequestHandler) -> bool:
        header = request.headers.get("Authorization", "")
        given = {name: quoted or plain for name, quoted, plain in PARAMETER.findall(header)}
        self.seen.append(given)
        if given.get("nonce") == self.good and self.is_right(given, request.path):
            return False
        stale = ", stale=true" if given and self.says_stale else ""
        request.send_response(401)
        realm = REALM.replace('"', '\\"')
        nonce = self.nonces.pop(0) if len(self.nonces) > 1 else self.good
        value = f'Digest realm="{realm}", nonce="{nonce}", {self.challenge}{stale}'
        request.send_header("WWW-Authenticate", value)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return True

    def is_right(self, given: dict[str, str], path: str) -> bool:
        secret = md5(f"{USER}:{REALM}:{PASSWORD}")
        if "SESS" in self.challenge.upper():
            secret = md5(f"{secret}:{given['nonce']}:{given['cnonce']}")
        request = f"GET:{path}" + (":" + md5("") if given.get("qop") == "auth-int" else "")
        middle = f"{given['nc']}:{given['cnonce']}:{given['qop']}:" if "qop" in given else ""
        return given["response"] == md5(f"{secret}:{given['nonce']}:{middle}{md5(request)}")


PARAMETER = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


def first_picture(server: MjpegServer, login: str = "admin:pa%3Ass@"):
    return next(open_mjpeg(server.url.replace("//", f"//{login}"), TIMEOUT_S).pictures)


@pytest.mark.parametrize(
    "challenge",
    ['qop="auth"', 'qop="auth,auth-int"', 'qop="auth-int"', "algorithm=MD5", 'algorithm=MD5-sess, qop="auth"',
     'algorithm="MD5-sess"', 'qop="auth", algorithm=md5', "opaque=\"\""],
)  # fmt: skip
def test_every_kind_of_digest_is_answered(challenge):
    with MjpegServer(intercept=DigestGuard("n", challenge=challenge)) as server:
        assert first_picture(server)


def test_a_nonce_that_is_too_old_is_replaced_and_the_password_tried_again():
    guard = DigestGuard("a", "b", "c")
    with MjpegServer(intercept=guard) as server:
        assert first_picture(server)

    assert [given.get("nonce") for given in guard.seen] == [None, "a", "b", "c"]


def test_a_wrong_password_is_tried_once():
    guard = DigestGuard("a", "b", "c", "d", says_stale=False)
    with (
        MjpegServer(intercept=guard) as server,
        pytest.raises(Unavailable, match="login refused; check user"),
    ):
        first_picture(server, "admin:wrong@")

    assert len(guard.seen) == 2


def test_a_server_that_calls_every_nonce_stale_is_given_up():
    guard = DigestGuard(*map(str, range(100)))
    with MjpegServer(intercept=guard) as server, pytest.raises(Unavailable, match="login refused"):
        first_picture(server)

    assert len(guard.seen) < 12


def test_each_request_with_the_same_nonce_has_a_number_of_its_own():
    login = Login(Credentials(USER, PASSWORD))
    login.challenge(['Digest realm="c", nonce="n", qop="auth"'])

    assert "nc=00000001" in login.header("/")
    assert "nc=00000002" in login.header("/")


def test_a_server_may_want_the_name_of_the_user_hashed():
    header = authorization(
        ['Digest realm="c", nonce="n", qop="auth", userhash=true'], Credentials("admin", "x"), "/"
    )

    assert f'username="{md5("admin:c")}"' in header
    assert "userhash=true" in header


def redirecting(*places: str) -> Callable:
    """Redirects each request to the next place, and then no more."""
    rest = list(places)

    def intercept(request: BaseHTTPRequestHandler) -> bool:
        if not rest:
            return False
        request.send_response(302)
        if place := rest.pop(0):
            request.send_header("Location", place)
        request.end_headers()
        return True

    return intercept


def test_a_redirection_to_a_login_page_names_it_without_secrets():
    redirected = MjpegServer(fault="html", intercept=redirecting("/login.html?token=abc123"))
    with redirected as server, pytest.raises(Unavailable) as caught:
        open_mjpeg(server.url, TIMEOUT_S)
    text = str(caught.value)
    assert re.search(
        r"stream.mjpg: redirects to http://127.0.0.1:\d+/login.html\S*: answers with a web", text
    )
    assert "abc123" not in text


def test_a_redirection_to_what_is_no_address_says_so():
    refused = pytest.raises(Unavailable, match="redirects to an invalid address; check the camera")
    with MjpegServer(intercept=redirecting("http://cam:99999/a")) as server, refused:
        open_mjpeg(server.url, TIMEOUT_S)


def test_a_redirection_without_a_place_says_so():
    refused = pytest.raises(Unavailable, match="HTTP status 302 without a new address; check the path")
    with MjpegServer(intercept=redirecting("")) as server, refused:
        open_mjpeg(server.url, TIMEOUT_S)


def test_the_password_goes_to_the_same_origin_only():
    """Another port of the same host is another server, which must not see the password."""
    seen = []

    def look(request: BaseHTTPRequestHandler) -> bool:
        seen.append(request.headers.get("Authorization"))
        request.send_response(401)
        request.send_header("WWW-Authenticate", 'Basic realm="x"')
        request.end_headers()
        return True

    with MjpegServer(intercept=look) as other, MjpegServer(intercept=redirecting(other.url)) as server:
        with pytest.raises(
            Unavailable, match=r"redirects to .*, which needs a user and a password of its own"
        ):
            open_mjpeg(server.url.replace("//", "//admin:secret@"), TIMEOUT_S)
        place = server.url.replace("//", "//admin:secret@")
        assert next(open_mjpeg(place, TIMEOUT_S).pictures)

    assert seen == [None]


def saying(kind: str, body: bytes) -> Callable:
    def intercept(request: BaseHTTPRequestHandler) -> bool:
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.end_headers()
        request.wfile.write(body)
        return True

    return intercept


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("application/vnd.apple.mpegurl", b"#EXTM3U\n#EXTINF:6\na.ts\n", "HLS comes in segments"),
        ("application/x-mpegURL", b"", "HLS comes in segments"),
        ("text/plain", b"#EXTM3U\n", "HLS comes in segments"),
        ("application/dash+xml", b"<?xml version='1.0'?><MPD></MPD>", "DASH comes in segments"),
        ("text/html; charset=utf-8", b"<p>", "answers with a web page, not with a video; check the path"),
        ("application/octet-stream", b"<!DOCTYPE html><html>", "answers with a web page"),
        ("application/json", b'{"error": 3}', r"answers with a text \(application/json\), not with a video"),
    ],
)
def test_what_is_no_video_is_named(kind, body, words):
    with MjpegServer(intercept=saying(kind, body)) as server, pytest.raises(Unavailable, match=words):
        open_mjpeg(server.url, TIMEOUT_S)


def test_a_proxy_of_the_environment_does_not_come_between(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with MjpegServer() as server:
        assert next(open_mjpeg(server.url, TIMEOUT_S).pictures)


@pytest.mark.parametrize("boundary", ["frame", '"frame"', "--frame", "other", ""])
def test_a_multipart_body_is_known_by_its_beginning_too(boundary):
    """The type may be missing or wrong, as may the boundary."""
    from tests.edge_runtime.camera.sources.network.test_multipart import BY_THE_BOOK, JPEGS, stream

    for kind in ("image/jpeg", "application/octet-stream", f"multipart/x-mixed-replace;boundary={boundary}"):
        with MjpegServer(intercept=saying(kind, stream(BY_THE_BOOK))) as server:
            assert JPEGS[-1] in [picture.content for picture in open_mjpeg(server.url, TIMEOUT_S).pictures]


def test_jpegs_in_a_row_are_a_stream():
    from tests.edge_runtime.camera.sources.network.test_multipart import JPEGS

    for kind in ("video/x-motion-jpeg", "image/jpeg", "multipart/x-mixed-replace;boundary=frame"):
        with MjpegServer(intercept=saying(kind, b"".join(JPEGS))) as server:
            given = [picture.content for picture in islice(open_mjpeg(server.url, TIMEOUT_S).pictures, 1)]
        assert given == JPEGS[-1:]  # of those that came at once, the newest
