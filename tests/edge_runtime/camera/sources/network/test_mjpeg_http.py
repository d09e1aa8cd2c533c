"""MJPEG over HTTP from a real server on loopback, read in this process."""

import base64
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from itertools import islice

import pytest

from edgecls.edge_runtime.camera.frame import Picture
from edgecls.edge_runtime.camera.sources.network.http_login import Credentials, authorization
from edgecls.edge_runtime.camera.sources.network.mjpeg_http import open_mjpeg
from edgecls.edge_runtime.errors import Unavailable
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.opencv import cv2
from tests.mjpeg_server import MjpegServer, numbered_picture, read_number

TIMEOUT_S = 60.0


def number_of(picture: Picture | None) -> int:
    assert picture is not None
    return read_number(decode(picture.content, "picture"))


def answering(status: int, *headers: tuple[str, str], body: bytes = b"") -> Callable:
    """Answers a request so, once; the next ones get pictures."""
    asked = []

    def intercept(request: BaseHTTPRequestHandler) -> bool:
        asked.append(request.path)
        if len(asked) > 1:
            return False
        request.send_response(status)
        for header in headers:
            request.send_header(*header)
        request.end_headers()
        request.wfile.write(body)
        return True

    return intercept


def wanting(kind: str, password: bytes = b"") -> Callable:
    """Wants a login, by Basic or Digest; `password` only for Basic."""
    challenge = {"Basic": 'Basic realm="c"', "Digest": 'Digest realm="c", nonce="n", qop="auth"'}[kind]

    def intercept(request: BaseHTTPRequestHandler) -> bool:
        given = request.headers.get("Authorization", "")
        if given.startswith(kind) and password in base64.b64decode(given.split()[-1] if password else b""):
            return False
        request.send_response(401)
        request.send_header("WWW-Authenticate", challenge)
        request.end_headers()
        return True

    return intercept


@pytest.mark.parametrize("chunked", [False, True])
def test_pictures_come_in_order_as_they_were_sent(chunked):
    with MjpegServer(frames=20, rate_fps=100, chunked=chunked) as server:
        opened = open_mjpeg(server.url, TIMEOUT_S)
        pictures = list(opened.pictures)

    numbers = [number_of(picture) for picture in pictures]
    assert (opened.width_px, opened.height_px) == (160, 120)
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 20
    sent = cv2.imencode(".jpg", numbered_picture(20))[1].tobytes()
    assert pictures[-1].content == sent


@pytest.mark.parametrize("size_px", [(160, 120), (1280, 720)])
@pytest.mark.parametrize("chunked", [False, True])
def test_after_a_pause_the_newest_picture_comes_and_not_the_backlog(chunked, size_px):
    with MjpegServer(rate_fps=200, chunked=chunked, size_px=size_px) as server:
        pictures, opened_at_s = open_mjpeg(server.url, TIMEOUT_S).pictures, time.monotonic()
        next(pictures)
        behind = server.newest + 40
        server.wait_for(lambda: server.newest >= behind)
        waiting = server.newest

        # Not always the very next: part of the backlog is still with the sender.
        given = list(islice(pictures, 8))
        assert any(number_of(picture) >= waiting - 1 for picture in given)
        assert opened_at_s < given[0].captured_at_s < time.monotonic()


def test_damaged_pictures_are_none():
    with MjpegServer(fault="half", frames=5, rate_fps=100) as server:
        # The last one is cut by the end of the stream.
        assert list(open_mjpeg(server.url, TIMEOUT_S).pictures) == [None] * 4


@pytest.mark.parametrize("kind", ["Basic", "Digest"])
def test_the_password_of_the_address_is_used(kind):
    with MjpegServer(intercept=wanting(kind), frames=3) as server:
        url = server.url.replace("//", "//admin:secret@")
        assert next(open_mjpeg(url, TIMEOUT_S).pictures)


@pytest.mark.parametrize(
    ("login", "words"),
    [
        ("admin:wrong@", r"http://admin:\*\*\*@127.0.0.1:.*: login refused; check user and password"),
        ("", "needs a user and a password; write http://user:password@127.0.0.1"),
    ],
)
def test_without_the_right_password_it_says_so_and_does_not_show_it(login, words):
    with MjpegServer(intercept=wanting("Basic", b":secret")) as server:
        url = server.url.replace("//", f"//{login}")
        with pytest.raises(Unavailable, match=words) as caught:
            open_mjpeg(url, TIMEOUT_S)
    assert "wrong" not in str(caught.value)


def test_a_redirection_is_followed():
    with MjpegServer(intercept=answering(302, ("Location", "/elsewhere?channel=1"))) as server:
        assert next(open_mjpeg(server.url, TIMEOUT_S).pictures)
        assert server.connections == 2


def test_another_host_does_not_get_the_password():
    seen = []

    def look(request: BaseHTTPRequestHandler) -> bool:
        seen.append(request.headers.get("Authorization"))
        return wanting("Basic")(request)

    with MjpegServer(intercept=look) as other:
        place = other.url.replace("127.0.0.1", "localhost")
        with MjpegServer(intercept=answering(302, ("Location", place))) as server:
            url = server.url.replace("//", "//admin:secret@")
            with pytest.raises(Unavailable, match="needs a user and a password"):
                open_mjpeg(url, TIMEOUT_S)
    assert seen == [None]


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/a", "rtsp://127.0.0.1/live"])
def test_a_redirection_to_another_scheme_is_not_followed(place):
    redirecting = MjpegServer(intercept=answering(301, ("Location", place)))
    with redirecting as server, pytest.raises(Unavailable, match=f"redirects to {place}; use that URL"):
        open_mjpeg(server.url, TIMEOUT_S)


def test_redirections_in_a_circle_come_to_an_end():
    def circle(request: BaseHTTPRequestHandler) -> bool:
        request.send_response(302)
        request.send_header("Location", request.path)
        request.end_headers()
        return True

    with MjpegServer(intercept=circle) as server, pytest.raises(Unavailable, match="in a circle"):
        open_mjpeg(server.url, TIMEOUT_S)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "access forbidden; check the user's rights and the path"),
        (404, "no such path; check it in the camera's manual"),
        (503, "the camera is busy; close its other viewers"),
        (500, "HTTP status 500; check the path and the camera"),
    ],
)
def test_a_refusal_is_one_clear_line(status, words):
    with MjpegServer(intercept=answering(status)) as server, pytest.raises(Unavailable, match=words):
        open_mjpeg(server.url, TIMEOUT_S)


def test_a_web_page_is_not_a_video():
    with (
        MjpegServer(fault="html") as server,
        pytest.raises(Unavailable, match="a web page, not with a video; check the path"),
    ):
        open_mjpeg(server.url, TIMEOUT_S)


@pytest.mark.parametrize("kind", ["video/mp4", "video/mp2t", "application/octet-stream", ""])
def test_what_may_be_another_kind_of_video_is_left_to_ffmpeg(kind):
    headers = [("Content-Type", kind)] if kind else []
    with MjpegServer(intercept=answering(200, *headers)) as server:
        assert open_mjpeg(server.url, TIMEOUT_S) is None


def test_an_image_without_a_picture_is_no_stream():
    with (
        MjpegServer(intercept=answering(200, ("Content-Type", "image/jpeg"))) as server,
        pytest.raises(Unavailable, match=r"gives no picture \(image/jpeg\); check the camera"),
    ):
        open_mjpeg(server.url, TIMEOUT_S)


def test_a_stream_without_a_picture_is_no_stream():
    with MjpegServer(frames=0) as server, pytest.raises(Unavailable, match="ends before its first picture"):
        open_mjpeg(server.url, TIMEOUT_S)


@pytest.mark.parametrize(("suffix", "name"), [(".webp", "WebP"), (".bmp", "BMP"), (".tiff", "TIFF")])
def test_parts_of_another_format_are_named(suffix, name):
    picture = cv2.imencode(suffix, numbered_picture(7))[1].tobytes()
    part = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(picture), picture)
    kind = ("Content-Type", "multipart/x-mixed-replace; boundary=b")
    with (
        MjpegServer(intercept=answering(200, kind, body=3 * part)) as server,
        pytest.raises(Unavailable, match=f"gives pictures as {name}; set the camera to JPEG"),
    ):
        open_mjpeg(server.url, TIMEOUT_S)


def test_silence_has_an_end():
    with MjpegServer(fault="silent") as server, pytest.raises(Unavailable, match="no answer; check"):
        open_mjpeg(server.url, 0.2)


def test_silence_within_a_stream_ends_it():
    with MjpegServer() as server:
        pictures = open_mjpeg(server.url, 1.0).pictures
        next(pictures)
        server.fault = "stalled"
        assert len(list(pictures)) < 5


@pytest.mark.parametrize("said", [b"RTSP/1.0 200 OK\r\n\r\n", b"\0\xff\n", b""])
def test_what_does_not_speak_http_is_told_so(said):
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as threads:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        client = threads.submit(open_mjpeg, url, TIMEOUT_S)
        connection, _ = listener.accept()
        listener.close()  # nobody is asked a second time
        connection.recv(4096)
        connection.sendall(said)
        connection.close()
        with pytest.raises(Unavailable, match=r"does not speak HTTP|closed the connection"):
            client.result()


MUFASA = Credentials("Mufasa", "Circle of Life")
REALM = 'realm="http-auth@example.org", qop="auth, auth-int", '
OPAQUE = 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
NONCES = f'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", {OPAQUE}'
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
MD5 = f"Digest {REALM}algorithm=MD5, {NONCES}"
SHA_256 = f"Digest {REALM}algorithm=SHA-256, {NONCES}"
BASIC = 'Basic realm="camera"'


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("http://camera/", None),
        ("http://admin:secret@camera:8080/", Credentials("admin", "secret")),
        ("http://admin@camera/", Credentials("admin", "")),
        ("http://ad%40min:p%2Fss%3A@camera/", Credentials("ad@min", "p/ss:")),
        ("http://admin:p@ss@camera/", Credentials("admin", "p@ss")),
    ],
)
def test_the_user_and_password_stand_in_the_address(url, login):
    assert Credentials.of(url) == login


@pytest.mark.parametrize(
    ("challenge", "response"),
    [
        (MD5, "8ca523f5e9506fed4657c9700eebdbec"),
        (SHA_256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_is_as_in_the_example_of_rfc_7616(challenge, response):
    header = authorization([challenge], MUFASA, "/dir/index.html", CNONCE)

    assert header.startswith('Digest username="Mufasa", realm="http-auth@example.org", ')
    for part in (f'response="{response}"', 'uri="/dir/index.html"', "nc=00000001", "qop=auth"):
        assert part in header
    assert OPAQUE in header


def test_digest_without_qop_is_that_of_old_cameras():
    """The arithmetic of RFC 2069, whose own example has a wrong result: see its erratum 749."""
    challenge = (
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    header = authorization([challenge], Credentials("Mufasa", "CircleOfLife"), "/dir/index.html")

    assert 'response="1949323746fe6a43ef61f9606e7febea"' in header
    assert "qop" not in header


def test_basic_is_the_password_in_base64():
    assert (
        authorization([BASIC], Credentials("Aladdin", "open sesame"), "/")
        == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    )


@pytest.mark.parametrize(
    "challenges", [[BASIC, MD5], [MD5, BASIC], [f"{BASIC}, {MD5}"], [f"{MD5}, {BASIC}"], ["Negotiate", MD5]]
)
def test_the_password_itself_is_sent_only_where_there_is_no_digest(challenges):
    header = authorization(challenges, MUFASA, "/dir/index.html", CNONCE)

    assert 'response="8ca523f5e9506fed4657c9700eebdbec"' in header


def test_a_digest_that_is_not_known_is_passed_over():
    unknown = SHA_256.replace("SHA-256", "SHA-512-256")

    assert "8ca523f5e9506fed4657c9700eebdbec" in authorization(
        [unknown, MD5], MUFASA, "/dir/index.html", CNONCE
    )
    assert authorization([unknown], MUFASA, "/") is None


@pytest.mark.parametrize("challenges", [[], ["Bearer"], ["Digest"], [""]])
def test_without_a_challenge_that_is_known_there_is_no_answer(challenges):
    assert authorization(challenges, MUFASA, "/") is None
