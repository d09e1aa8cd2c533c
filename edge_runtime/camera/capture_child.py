"""The process that owns the camera, started by capture_process.py as `python -m` with this module's name.

OpenCV needs a process of its own because its reads can hang, no signal interrupts them, and releasing a
camera from another thread crashes. This process may be killed at any moment; so it keeps nothing.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np

from ..errors import EdgeclsError, Unavailable
from ..opencv import cv2
from .capture_wire import Notice, NoticeWriter, Request
from .diagnosis import why_no_camera, why_no_stream
from .frame import Frame
from .frame_slot import SlotWriter
from .video import stated_rate_fps

_FAILED_READS = 10
"""One damaged picture is no reason to start over; after so many in a row the camera or stream is gone."""
_PAUSE_S = 0.02
"""After a failed read: the next one would fail at once, and the loop would spin."""


def main() -> None:
    """Captures what the request on stdin says until it ends, is killed, or its parent is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a whole group or service gets them; the parent ends us
    request = Request.from_line(sys.stdin.buffer.readline())
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _silence_libraries()
    notices = NoticeWriter(request.notices)
    notices.send(Notice("opening"))
    try:
        _capture(request, notices)
        notices.send(Notice("ended"))
    except EdgeclsError as error:
        notices.send(Notice("failed", text=str(error), error=type(error).__name__))


def _capture(request: Request, notices: NoticeWriter) -> None:
    """Publishes frames until the stream ends.

    Raises:
        EdgeclsError: it cannot be opened, or a camera stopped giving pictures.
    """
    slot = SlotWriter(request.slot)
    capture = _open(request)
    notices.send(
        Notice(
            "opened",
            width_px=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height_px=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            rate_fps=stated_rate_fps(capture),
        )
    )
    for sequence, (pixels, captured_at_s) in enumerate(_pictures(capture), request.first_sequence):
        slot.publish(Frame(pixels, sequence, captured_at_s))
    if request.device:
        raise Unavailable(f"{request.device}: stopped giving pictures; check its cable")


def _open(request: Request) -> cv2.VideoCapture:
    capture = cv2.VideoCapture()
    if request.device:
        # The only way to set it; read when the first camera is opened.
        os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(max(1, round(request.timeout_s)))
        if not capture.open(request.device, cv2.CAP_V4L2):
            raise why_no_camera(request.device)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # every further buffer is a frame of delay
    else:
        timeout_ms = int(request.timeout_s * 1000)
        # FFmpeg takes these on opening only: set() afterwards returns False.
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
        if not capture.open(request.url, cv2.CAP_FFMPEG, timeouts):
            raise why_no_stream(request.url)
    return capture


def _pictures(capture: cv2.VideoCapture) -> Iterator[tuple[np.ndarray, float]]:
    """Pictures, uint8 (H, W, 3) BGR, and when each was captured, until too many reads in a row failed."""
    failures = 0
    while failures < _FAILED_READS:
        given = capture.grab()
        captured_at_s = time.monotonic()
        pixels = _retrieve(capture) if given else None
        if pixels is None:
            failures += 1
            time.sleep(_PAUSE_S)
        else:
            failures = 0
            yield pixels, captured_at_s


def _retrieve(capture: cv2.VideoCapture) -> np.ndarray | None:
    try:
        given, pixels = capture.retrieve()
    except cv2.error:  # a picture that came damaged
        return None
    return pixels if given else None


def _exit_with_parent() -> None:
    """Ends this process when the other end of its stdin closes, however the parent went, even mid-read.

    Not prctl(PR_SET_PDEATHSIG): that already fires when the parent's thread which started us ends.
    """
    os.read(0, 1)
    os._exit(0)


def _silence_libraries() -> None:
    """Drops what decoders write straight to stderr, a line for each damaged picture; Python still has it."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


if __name__ == "__main__":
    main()
