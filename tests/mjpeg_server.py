"""A camera for the tests: MJPEG over HTTP on loopback, healthy or with the faults of real ones.

    with MjpegServer() as server:
        source = open_source(server.url, one_shot=True)

Every picture carries its number in large blocks, so that a test can tell which one it got.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self

import numpy as np

from edgecls.edge_runtime.images.opencv import cv2
from tests.edge_runtime.images.pictures import damaged

Fault = Literal[
    "",
    "silent",  # accepts, and never replies
    "stalled",  # streams stay open, and no picture comes
    "html",  # a page in place of a stream
    "half",  # every JPEG is cut in half
    "gap",  # in every second JPEG, bytes in the middle are missing
    "noise",  # random bytes as pictures
    "frozen",  # the same picture again and again
]

Intercept = Callable[[BaseHTTPRequestHandler], bool]
"""Looks at a request first; True where it has answered it."""

_BITS = 16
_BOUNDARY = b"edgecls-test"


class MjpegServer:
    """Serves while it is entered; what is set on it holds for open streams too, from the next picture on.

    Args:
        rate_fps: pictures per second.
        size_px: (width, height).
        fault: what goes wrong.
        frames: how many pictures until a stream is closed properly; None: it goes on.
        intercept: what stands before the pictures, such as a question for the password.
        chunked: whether it sends by HTTP/1.1 in chunks.
        tls: for https.
    """

    def __init__(
        self,
        rate_fps: float = 30.0,
        size_px: tuple[int, int] = (160, 120),
        fault: Fault = "",
        frames: int | None = None,
        intercept: Intercept | None = None,
        *,
        chunked: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.rate_fps = rate_fps
        self.size_px = size_px
        self.still: np.ndarray | None = None
        """Shown in place of the numbered pictures; uint8 (H, W, 3) BGR."""
        self.fault: Fault = fault
        self.frames = frames
        self.intercept = intercept
        self.chunked = chunked
        self.bytes_per_s: float | None = None
        """How slow the link is; None: as fast as it can."""
        self.sent_at_s: dict[int, float] = {}
        """When each picture went out, by its number; `time.monotonic()`."""
        self.connections = self._idle_turns = 0
        self._numbers = iter(range(1, 1 << _BITS))
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _handler(self))
        self._scheme = "https" if tls else "http"
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}/stream.mjpg"

    @property
    def newest(self) -> int:
        """The number of the newest picture that went out."""
        return max(self.sent_at_s, default=0)

    def wait_for(self, happened: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Waits until something about connections or pictures holds."""
        with self._changed:
            assert self._changed.wait_for(happened, timeout_s), "the server waited in vain"

    def stall(self) -> int:
        """Sends no more pictures on its one connection; the number of the last one."""
        self.fault, before = "stalled", self._idle_turns
        self.wait_for(lambda: self._idle_turns > before)
        return self.newest

    def close_streams(self) -> None:
        """Breaks every open connection; new ones are served."""
        self._http.break_connections()

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Answers one connection until it closes, or this server does."""
        with self._changed:
            self.connections += 1
            self._changed.notify_all()
        if self.fault == "silent":
            self._stopped.wait()
            return
        if self.intercept and self.intercept(request):
            return
        page = self.fault == "html"
        kind = "text/html" if page else f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode()}"
        request.send_response(200)
        request.send_header("Content-Type", kind)
        if self.chunked:
            request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        if page:
            request.wfile.write(b"<html><body>Please log in</body></html>")
            return
        given = 0
        while given != self.frames and not self._stopped.wait(1 / self.rate_fps):
            if self.fault == "stalled":
                with self._changed:
                    self._idle_turns += 1
                    self._changed.notify_all()
            else:
                part = self._part()
                self._send(request, b"%x\r\n%b\r\n" % (len(part), part) if self.chunked else part)
                given += 1
        if self.chunked:
            request.wfile.write(b"0\r\n\r\n")

    def _send(self, request: BaseHTTPRequestHandler, content: bytes) -> None:
        if self.bytes_per_s is None:
            request.wfile.write(content)
            return
        step = max(1, int(self.bytes_per_s / 10))
        for at in range(0, len(content), step):
            request.wfile.write(content[at : at + step])
            self._stopped.wait(0.1)

    def _part(self) -> bytes:
        with self._changed:
            number = next(self._numbers)
        shown = self.still
        if shown is None:
            shown = numbered_picture(0 if self.fault == "frozen" else number, self.size_px)
        content = cv2.imencode(".jpg", shown)[1].tobytes()
        if self.fault == "half":
            content = content[: len(content) // 2]
        elif self.fault == "gap" and number % 2:
            content = damaged(content)
        elif self.fault == "noise":
            content = np.random.default_rng(number).bytes(len(content))
        with self._changed:
            self.sent_at_s[number] = time.monotonic()
            self._changed.notify_all()
        head = b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % (_BOUNDARY, len(content))
        return head + content + b"\r\n"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._http.shutdown()
        self._http.break_connections()
        self._http.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for them

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self._open: set[socket.socket] = set()

    def process_request(self, request, client_address) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):  # its reader has just left
                connection.shutdown(socket.SHUT_RDWR)


def _handler(server: MjpegServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if server.chunked else "HTTP/1.0"

        def do_GET(self) -> None:
            with suppress(ConnectionError, ssl.SSLError):  # its reader left, or close_streams
                server.serve(self)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def numbered_picture(number: int, size_px: tuple[int, int] = (160, 120)) -> np.ndarray:
    """A uint8 (H, W, 3) picture with `number` as black and white columns, which survive JPEG and video."""
    bits = [(number >> bit) & 1 for bit in range(_BITS)]
    column_of = np.arange(size_px[0]) * _BITS // size_px[0]
    row = np.array(bits, np.uint8)[column_of] * 255
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (size_px[1], size_px[0], 3)))


def read_number(pixels: np.ndarray) -> int:
    """The number in a picture of `numbered_picture`."""
    width = pixels.shape[1]
    centres = [(2 * bit + 1) * width // (2 * _BITS) for bit in range(_BITS)]
    return sum(int(pixels[:, centre].mean() > 127) << bit for bit, centre in enumerate(centres))
