"""A camera on the network: `python -m edgecls.benchmarks.pipeline.camera_server FRAMES RATE_FPS THREADS`.

Serves MJPEG over HTTP on loopback, in a process of its own: its work is not the reader's. Prints its address,
and ends with whoever started it. Each picture carries a stamp; see camera_stamp.py.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ..child import started
from ..replies import take_stdout
from .camera_stamp import Stamp, stamped
from .frame_file import FrameFile

_BOUNDARY = "edgecls"
_LIMIT_S = 60.0


@contextmanager
def camera_server(frames: Path, rate_fps: float) -> Iterator[str]:
    """Starts the process; gives the address of its stream. `frames` is a `FrameFile`."""
    with started("pipeline.camera_server", str(frames), str(rate_fps), threads=1) as child:
        yield child.read_line(_LIMIT_S).decode().strip()


def main() -> None:
    """Serves what the command line names until stdin ends."""
    frames, rate_fps, _ = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(FrameFile(Path(frames)), float(rate_fps)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with take_stdout() as replies:
        replies.write(f"http://127.0.0.1:{server.server_port}/stream.mjpg\n")
        sys.stdin.read()


def _handler(frames: FrameFile, rate_fps: float) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            self.end_headers()
            with suppress(ConnectionError):  # its reader left
                for picture in _pictures(frames, rate_fps):
                    self.wfile.write(_part(picture))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
            """Says nothing."""

    return Handler


def _pictures(frames: FrameFile, rate_fps: float) -> Iterator[bytes]:
    """Each picture when it is due; those that a slow connection missed are left out, as a camera does."""
    began_at_s = time.monotonic()
    number = 0
    while True:
        due_at_s = began_at_s + number / rate_fps
        time.sleep(max(0.0, due_at_s - time.monotonic()))
        yield stamped(frames[number % len(frames)], Stamp(number, time.monotonic()))
        number = max(number, int((time.monotonic() - began_at_s) * rate_fps)) + 1


def _part(picture: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
    return head.encode() + picture + b"\r\n"


if __name__ == "__main__":
    main()
