"""Diagnosis of network cameras: what each kind of failure is called, and what to do about it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

import pytest

from edgecls.edge_runtime.camera.sources.capture_process import ANY_AUTHORITY
from edgecls.edge_runtime.camera.sources.network.connection import Endpoint, connect
from edgecls.edge_runtime.camera.sources.network.diagnosis import why_no_answer, why_refused
from edgecls.edge_runtime.camera.sources.network.mjpeg_http import open_mjpeg
from edgecls.edge_runtime.camera.sources.network.rtsp import check_answer, why_no_video
from edgecls.edge_runtime.errors import Unavailable
from tests.certificates import server_tls
from tests.mjpeg_server import MjpegServer

TIMEOUT_S = 60.0


@contextmanager
def answering(said: bytes) -> Iterator[int]:
    """A port where every connection gets the same answer, whatever it asks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(TIMEOUT_S)
                    connection.recv(4096)
                    connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def opened(url: str) -> None:
    """Opens a stream, as the capture process does."""
    if url.startswith("http"):
        open_mjpeg(url, TIMEOUT_S)
    else:
        check_answer(url, TIMEOUT_S, ANY_AUTHORITY, lambda _: None)


@pytest.mark.parametrize("scheme", ["http", "https", "rtsp", "rtsps"])
def test_a_port_where_nobody_listens(scheme):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(Unavailable) as caught:
            opened(f"{scheme}://user:secret@127.0.0.1:{port}/")

    assert "secret" not in str(caught.value)
    assert f"@127.0.0.1:{port}/: connection refused; check address and port" in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
@pytest.mark.parametrize("host", ["no.such.host.invalid", "x" * 70 + ".invalid", "."])
def test_a_host_that_is_not_known(scheme, host):
    with pytest.raises(Unavailable, match=f"(unknown host|no answer from DNS for) {host}"):
        opened(f"{scheme}://{host}/live")


@pytest.mark.parametrize(
    ("scheme", "said", "words"),
    [
        ("http", b"RTSP/1.0 400 Bad Request\r\n\r\n", "speaks RTSP on this port; write rtsp://"),
        ("rtsp", b"<!DOCTYPE HTML>", "speaks HTTP on this port; write http://"),
        ("rtsp", b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP on this port; write http://"),
        ("https", b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP on this port; write http://"),
        (
            "rtsps",
            b"RTSP/1.0 400 Bad Request\r\n\r\n",
            "speaks RTSP on this port; write rtsp://",
        ),
    ],
)
def test_a_wrong_scheme_is_named_with_the_right_one(scheme, said, words):
    with answering(said) as port, pytest.raises(Unavailable, match=words):
        opened(f"{scheme}://127.0.0.1:{port}/")


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_port_that_wants_tls_says_so(scheme, tmp_path):
    with MjpegServer(tls=server_tls(tmp_path)) as server:
        url = f"{scheme}://127.0.0.1:{Endpoint.of(server.url).port}/"
        with pytest.raises(Unavailable, match=r"speaks (HTTPS|RTSP over TLS) on this port; write \w+s://"):
            opened(url)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "does not understand the request; check the path"),
        (401, "needs a user and a password; write http://user:password@127.0.0.1"),
        (403, "access forbidden; check the user's rights and the path"),
        (404, "no such path; check it in the camera's manual"),
        (407, "a proxy stands before the camera; use the camera's own address"),
        (429, "the camera is asked too often; close its other viewers"),
        (503, "the camera is busy; close its other viewers"),
        (418, "HTTP status 418; check the path and the camera"),
    ],
)
def test_a_refusal_says_what_to_do(status, words):
    assert words in str(why_refused("http://127.0.0.1:1/video", status, has_login=False))


def test_a_refusal_by_rtsp_says_what_to_do():
    error = why_refused("rtsp://a:b@cam/live", 453, has_login=True)

    assert str(error) == "rtsp://a:***@cam/live: the camera has no bandwidth left; close its other viewers"


def test_a_proxy_that_is_not_used_is_named(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")

    error = why_no_answer("http://cam/", ConnectionRefusedError(111, "Connection refused"))

    assert str(error).endswith("(edgecls connects directly, without HTTP_PROXY)")


def test_whoever_waits_knows_what_for():
    """A resolver may take longer than the supervisor waits, which then says what was not answered."""
    notices = []
    with MjpegServer() as server:
        connect(server.url, TIMEOUT_S, ANY_AUTHORITY, notices.append).close()
        check = "check the address"

    assert [notice.text for notice in notices] == [
        f"{server.url}: no answer from DNS for 127.0.0.1; {check} and the network",
        f"{server.url}: no answer; {check}, and that the camera is on",
        "",
    ]


def test_a_silent_port_does_not_speak_http():
    with answering(b"\0\xff\n") as port:
        error = why_no_answer(f"http://127.0.0.1:{port}/", HTTPException())

    assert "does not speak HTTP; check scheme and port" in str(error)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n", "no such path; check it in the camera's manual"),
        (b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n", "needs a user and a password; write rtsp://user:"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nm=audio 0", "has no video; check the path"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nm=video 0", "not with a video that FFmpeg can play"),
    ],
)
def test_an_rtsp_camera_without_a_video_is_asked_why(said, words):
    with answering(said) as port:
        assert words in str(why_no_video(f"rtsp://127.0.0.1:{port}/live", ANY_AUTHORITY))


@pytest.mark.parametrize(
    ("url", "host", "header"),
    [
        ("http://[fe80::1%25eth0]/", "fe80::1%eth0", "[fe80::1]"),
        ("http://[fe80::1%eth0]:8080/", "fe80::1%eth0", "[fe80::1]:8080"),
        ("https://cam:443/", "cam", "cam"),
        ("https://cam:80/", "cam", "cam:80"),
        ("http://kamera-tür/", "kamera-tür", "xn--kamera-tr-x9a"),
    ],
)
def test_a_host_is_named_as_its_server_knows_it_without_the_zone(url, host, header):
    endpoint = Endpoint.of(url)

    assert (endpoint.host, endpoint.host_header) == (host, header)
