"""The age of camera frames when their labels come, with a reader that is slower than the camera."""

import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from edgecls.benchmarks.frames import FrameFile
from edgecls.benchmarks.worker import measuring_worker
from edgecls.edge_runtime.camera.answer import Answer, Sink
from edgecls.edge_runtime.workers import serve

from .pipeline_report import (
    AgeReport,
    AgeSample,
)

_SOI, _COMMENT = b"\xff\xd8", b"\xff\xfe"
_FORMAT = struct.Struct(">Qd")
_NAME = b"edgecls-camera"
_HEAD = _SOI + _COMMENT + struct.pack(">H", 2 + len(_NAME) + _FORMAT.size) + _NAME


class Stamp(NamedTuple):
    """The number of a picture, and when the camera took it."""

    number: int
    taken_at_s: float
    """`time.monotonic()`, which all processes of a Linux system share."""


def stamped(jpeg: bytes, stamp: Stamp) -> bytes:
    """The JPEG with the stamp in front."""
    return _HEAD + _FORMAT.pack(*stamp) + jpeg[len(_SOI) :]


def stamp_of(jpeg: bytes) -> Stamp | None:
    """The stamp of a JPEG, or None where it has none."""
    return Stamp(*_FORMAT.unpack_from(jpeg, len(_HEAD))) if jpeg.startswith(_HEAD) else None


# A camera on the network: `python -m tools.frame_age FRAMES RATE_FPS THREADS`.
#
# Serves MJPEG over HTTP on loopback, in a process of its own: its work is not the reader's. Each picture
# carries a stamp.

_BOUNDARY = "edgecls"
_SERVER_LIMIT_S = 60.0


@contextmanager
def camera_server(frames: Path, rate_fps: float) -> Iterator[str]:
    """Starts the process; gives the address of its stream. `frames` is a `FrameFile`."""
    with measuring_worker(f"{__package__}.frame_age", frames, rate_fps, threads=1) as worker:
        yield worker.reply(_SERVER_LIMIT_S)["url"]


def main() -> None:
    """Serves what the command line names until stdin ends."""
    frames, rate_fps, _ = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(FrameFile(Path(frames)), float(rate_fps)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    serve([{"url": f"http://127.0.0.1:{server.server_port}/stream.mjpg"}])
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


# The age of a frame when its label comes, with a reader ten times slower than the camera.

RATE_FPS = 30.0
SLOWER = 10
"""A classification takes so many frame intervals."""
_AGE_LIMIT_S = 60.0


def measure_age(model: Path, frames: Path, seconds: float, threads: int) -> AgeReport:
    """Runs the real camera loop against a real MJPEG camera on loopback, each in a process of its own.

    Args:
        model: a `.tflite` or `.onnx`.
        frames: a `FrameFile` of what the camera shows.
        seconds: about how long.
        threads: of the engine.

    Raises:
        BadModel: a process failed.
    """
    answers = max(1, round(seconds * RATE_FPS / SLOWER))
    with (
        camera_server(frames, RATE_FPS) as url,
        measuring_worker(f"{__package__}.slow_reader", model, url, answers, threads=threads) as worker,
    ):
        samples = worker.reply(_AGE_LIMIT_S + 2 * seconds)["samples"]
    return AgeReport(RATE_FPS, tuple(AgeSample(*sample) for sample in samples))


@dataclass
class AgeSink(Sink):
    """Notes when each answer came."""

    samples: list[AgeSample] = field(default_factory=list)

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        frame, timing = answer.frame, answer.timing
        stamp = stamp_of(frame.jpeg) if frame.jpeg else None
        label_at_s = frame.captured_at_s + timing.age_ms / 1e3
        self.samples.append(
            AgeSample(
                number=stamp.number if stamp else frame.sequence,
                age_ms=(label_at_s - (stamp.taken_at_s if stamp else frame.captured_at_s)) * 1e3,
                classify_ms=timing.latency_ms,
            )
        )


if __name__ == "__main__":
    main()
