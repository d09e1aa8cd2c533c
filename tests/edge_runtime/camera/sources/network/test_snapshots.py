"""Cameras that give one picture for each request, as JPEG or otherwise, from a real server on loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import pytest

from edgecls.edge_runtime.camera.sources.network import mjpeg_http
from edgecls.edge_runtime.camera.sources.network.mjpeg_http import open_mjpeg
from edgecls.edge_runtime.errors import Unavailable
from edgecls.edge_runtime.images.opencv import cv2
from tests.mjpeg_server import numbered_picture, read_number

TIMEOUT_S = 60.0


class SnapshotServer:
    """Gives the next picture for each request; what is set on it holds from the next request on."""

    def __init__(self) -> None:
        self.kind = "image/jpeg"
        self.suffix = ".jpg"
        self.length_error = 0
        """What is added to the Content-Length; None: it states none, and closes."""
        self.chunked = False
        self.number = self.connections = 0
        self.repeats = 1
        self.cut_numbers: set[int] = set()
        self.headers: dict[str, str] = {}
        self.status = 200

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.number += 1
        shown = numbered_picture(-(-self.number // self.repeats))
        content = cv2.imencode(self.suffix, shown)[1].tobytes()
        if self.number in self.cut_numbers:
            content = content[: len(content) // 2]
        request.send_response(self.status)
        request.send_header("Content-Type", self.kind)
        for name, value in self.headers.items():
            request.send_header(name, value)
        if self.chunked:
            request.send_header("Transfer-Encoding", "chunked")
        elif self.length_error is None:
            request.send_header("Connection", "close")
        else:
            request.send_header("Content-Length", str(len(content) + self.length_error))
        request.end_headers()
        pieces = [content[:100], content[100:]]
        for piece in pieces:
            request.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self.chunked else piece)
        if self.chunked:
            request.wfile.write(b"0\r\n\r\n")
        request.close_connection = self.length_error != 0


@contextmanager
def serving() -> Iterator[tuple[SnapshotServer, str]]:
    camera = SnapshotServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            camera.connections += 1

        def do_GET(self) -> None:
            with suppress(ConnectionError):
                camera.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield camera, f"http://127.0.0.1:{server.server_address[1]}/snapshot.cgi?channel=1"
    server.shutdown()


def numbers(url: str, count: int) -> list[int]:
    """The numbers of the first pictures."""
    return [read_number(pixels_of(picture)) for picture in islice(open_mjpeg(url, TIMEOUT_S).pictures, count)]


def pixels_of(picture):
    content = picture.content
    if not isinstance(content, bytes):
        return content
    import numpy as np

    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("kind", ["image/jpeg", "application/octet-stream", "text/plain", "image/jpg", ""])
def test_a_picture_is_asked_for_again_and_again_by_one_connection(kind):
    with serving() as (camera, url):
        camera.kind = kind
        assert numbers(url, 4) == [1, 2, 3, 4]
        assert camera.connections <= 2  # the first request did not know that more would follow


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp"])
def test_a_picture_of_another_format_is_decoded(suffix):
    with serving() as (camera, url):
        camera.kind, camera.suffix = f"image/{suffix[1:]}", suffix
        assert numbers(url, 3) == [1, 2, 3]


@pytest.mark.parametrize("length_error", [-50, -1, 50, None])
def test_a_length_that_is_wrong_or_missing_does_no_harm(length_error):
    with serving() as (camera, url):
        camera.length_error = length_error
        assert numbers(url, 3) == [1, 2, 3]


def test_a_picture_that_was_cut_is_damaged_and_the_next_one_asked_for():
    """Its stated length may be too short, so that the rest is waited for, but not for ever."""
    with serving() as (camera, url):
        camera.cut_numbers = {1, 3}
        first = list(islice(open_mjpeg(url, TIMEOUT_S).pictures, 4))
        assert [picture and read_number(pixels_of(picture)) for picture in first] == [None, 2, None, 4]


def test_pictures_in_chunks_are_asked_for_again_and_again():
    with serving() as (camera, url):
        camera.chunked = True
        assert numbers(url, 3) == [1, 2, 3]


def test_partial_content_and_hundreds_of_headers_are_fine():
    with serving() as (camera, url):
        camera.status = 206
        camera.headers = {f"X-Setting-{number}": "1" for number in range(300)}
        assert numbers(url, 2) == [1, 2]


def test_pictures_come_at_a_bounded_rate_and_the_same_ones_more_slowly():
    with serving() as (camera, url):
        pictures = open_mjpeg(url, TIMEOUT_S).pictures
        times_s = [picture.captured_at_s for picture in islice(pictures, 3)]
        camera.repeats = 1000
        slow_s = [picture.captured_at_s for picture in islice(pictures, 4)]

    assert times_s[2] - times_s[1] > 0.19
    assert slow_s[-1] - slow_s[-2] > 0.7


def test_a_format_that_cannot_be_decoded_is_named():
    with serving() as (camera, url):
        heic = b"\0\0\0\x18ftypheic\0\0\0\0heicmif1"
        camera.answer = lambda request: (
            request.send_response(200),
            request.send_header("Content-Type", "image/heic"),
            request.send_header("Content-Length", str(len(heic))),
            request.end_headers(),
            request.wfile.write(heic),
        )
        with pytest.raises(Unavailable, match="gives pictures as HEIC; set the camera to JPEG"):
            open_mjpeg(url, TIMEOUT_S)


def test_a_picture_without_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mjpeg_http, "_MAX_IMAGE_BYTES", 2_000_000)

    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "image/png")
        request.end_headers()
        request.wfile.write(b"\x89PNG\r\n\x1a\n")
        while True:  # until the reader closes
            request.wfile.write(bytes(1 << 16))

    with serving() as (camera, url):
        camera.answer = endless
        with pytest.raises(Unavailable, match="gives a picture of more than 2 MB; set the camera to JPEG"):
            open_mjpeg(url, TIMEOUT_S)
