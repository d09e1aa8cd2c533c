"""Capture process: the program that owns the camera. `capture_process.py` starts it with `python -m`.

A camera needs a process of its own, as its reads can hang, no signal interrupts them, and releasing it from
another thread crashes. This process may be killed at any time, so it keeps no state.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

from ...errors import EdgeclsError, Unavailable
from ...images import jpeg_header
from ...masking import hide_in_tracebacks
from ..frame import Frame, OpenCamera, Picture
from .capture_process import CaptureNotice, CaptureRequest, NoticeWriter, Notify
from .frame_slot import SlotWriter

_DAMAGED_PICTURES = 10
"""After this many in a row, the source is opened again."""


def main() -> None:
    """Captures from the source named on stdin until it ends, or until the parent ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they go to a whole group or service; our parent ends us
    request = CaptureRequest.from_line(sys.stdin.buffer.readline())
    _silence_libraries()
    hide_in_tracebacks()
    notices, slot = _outputs(request)
    try:
        # This takes seconds on a slow card, which are not the camera's.
        open_camera = _opener(request, notices.send)
        notices.send(CaptureNotice("opening"))
        _capture(request, open_camera, notices, slot)
        notices.send(CaptureNotice("ended"))
    except EdgeclsError as error:
        notices.send(CaptureNotice("failed", text=str(error), error=type(error).__name__))


class _Slot(Protocol):
    def publish(self, frame: Frame, /) -> None: ...


class _Notices(Protocol):
    def send(self, notice: CaptureNotice, /) -> None: ...


def _outputs(request: CaptureRequest) -> tuple[_Notices, _Slot]:
    """What takes notices and frames; from now on, this process ends with its parent."""
    if request.memory_name:
        from . import capture_by_name  # noqa: PLC0415 - Windows alone

        writer = capture_by_name.NamedWriter(request.memory_name)
        return writer, writer
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    return NoticeWriter(request.notices), SlotWriter(request.slot)


def _capture(
    request: CaptureRequest, open_camera: Callable[[], OpenCamera], notices: _Notices, slot: _Slot
) -> None:
    """Publishes frames until the stream ends.

    Raises:
        EdgeclsError: the source cannot be opened, was lost, or gives only damaged pictures.
    """
    opened = open_camera()
    width_px, height_px, rate_fps = opened.width_px, opened.height_px, opened.rate_fps
    notices.send(CaptureNotice("opened", width_px=width_px, height_px=height_px, rate_fps=rate_fps))
    sequence, damaged = request.first_sequence, 0
    for picture in opened.pictures:
        if picture is not None and not _is_damaged(picture):
            slot.publish(Frame(picture.content, sequence, picture.captured_at_s, truth=picture.truth))
            sequence, damaged = sequence + 1, 0
            continue
        damaged += 1
        notices.send(CaptureNotice("corrupt"))
        if damaged == _DAMAGED_PICTURES:
            raise Unavailable(f"{damaged} damaged pictures in a row")


def _is_damaged(picture: Picture) -> bool:
    """Whether it is a truncated JPEG, which a decoder would fill up with grey without an error."""
    content = picture.content
    if not isinstance(content, bytes):
        return False
    header = jpeg_header.read_header(content)
    return header is None or not jpeg_header.is_ended(content, header)


def _opener(request: CaptureRequest, notify: Notify) -> Callable[[], OpenCamera]:
    """Loads the source's driver alone (MJPEG needs neither numpy nor OpenCV), and returns what opens it."""
    if request.scenes:
        from . import demo  # noqa: PLC0415 - only this driver

        return partial(demo.open_demo, request.scenes)
    if request.csi is not None:
        from . import picamera  # noqa: PLC0415 - only this driver

        return partial(picamera.open_csi, request.csi, request.least_px, request.timeout_s)
    if request.url.startswith("http"):
        return partial(_open_http, request, notify)
    if request.device:
        from . import usb_camera  # noqa: PLC0415 - only this driver

        return partial(usb_camera.open_device, request.device, request.timeout_s, request.least_px)
    # Loaded before its time begins.
    from .network import ffmpeg_stream  # noqa: F401, PLC0415 # pyright: ignore[reportUnusedImport]

    return partial(_open_with_ffmpeg, request, notify)


def _open_http(request: CaptureRequest, notify: Notify) -> OpenCamera:
    """Opens MJPEG, or whatever other video the server sends with FFmpeg."""
    from .network import mjpeg_http  # noqa: PLC0415 - only this driver

    opened = mjpeg_http.open_mjpeg(request.url, request.timeout_s, request.trust, notify)
    if opened:
        return opened
    return _open_with_ffmpeg(request, notify)


def _open_with_ffmpeg(request: CaptureRequest, notify: Notify) -> OpenCamera:
    from .memory import stay_within_room  # noqa: PLC0415 - only for this driver
    from .network import ffmpeg_stream  # noqa: PLC0415 - as above

    stay_within_room()
    return ffmpeg_stream.open_stream(request.url, request.timeout_s, request.trust, notify)


def _exit_with_parent() -> None:
    """Ends this process when its parent closes stdin, or has ended in any way, even during a read.

    prctl(PR_SET_PDEATHSIG) would fire too early, when the thread of the parent that started us ends.
    """
    os.read(0, 1)
    os._exit(0)


def _silence_libraries() -> None:
    """Drops what decoders write to file descriptor 2 on damaged pictures; Python keeps its stderr."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


if __name__ == "__main__":
    main()
