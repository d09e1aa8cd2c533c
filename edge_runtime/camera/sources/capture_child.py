"""The process that owns the camera, started by capture_process.py as `python -m` with this module's name.

A camera needs a process of its own because its reads can hang, no signal interrupts them, and releasing it
from another thread crashes. This process may be killed at any moment; so it keeps nothing.
"""

import os
import signal
import sys
import threading

from ...errors import EdgeclsError, Unavailable
from ...images import jpeg_header
from ..frame import Frame, OpenCamera, Picture
from .capture_process import CaptureNotice, CaptureRequest, NoticeWriter
from .frame_slot import SlotWriter

_DAMAGED_PICTURES = 10
"""In a row: then the source is opened again."""


def main() -> None:
    """Captures what the request on stdin says until it ends, is killed, or its parent is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a whole group or service gets them; the parent ends us
    request = CaptureRequest.from_line(sys.stdin.buffer.readline())
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _silence_libraries()
    notices = NoticeWriter(request.notices)
    notices.send(CaptureNotice("opening"))
    try:
        _capture(request, notices)
        notices.send(CaptureNotice("ended"))
    except EdgeclsError as error:
        notices.send(CaptureNotice("failed", text=str(error), error=type(error).__name__))


def _capture(request: CaptureRequest, notices: NoticeWriter) -> None:
    """Publishes frames until the stream ends.

    Raises:
        EdgeclsError: it cannot be opened, stopped giving pictures, or gives only damaged ones.
    """
    slot = SlotWriter(request.slot)
    opened = _open(request)
    notices.send(
        CaptureNotice(
            "opened", width_px=opened.width_px, height_px=opened.height_px, rate_fps=opened.rate_fps
        )
    )
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
    """Whether it is a JPEG that was cut: a decoder would fill it up with grey and say nothing."""
    content = picture.content
    return isinstance(content, bytes) and not (jpeg_header.is_whole(content) and jpeg_header.size_px(content))


def _open(request: CaptureRequest) -> OpenCamera:
    """Opens the camera; what knows it is imported only here, in its branch."""
    if request.scenes:
        from . import demo  # noqa: PLC0415

        return demo.open_demo(request.scenes)
    if request.csi is not None:
        from . import picamera  # noqa: PLC0415

        return picamera.open_csi(request.csi, request.least_px, request.timeout_s)
    if request.url.startswith("http"):
        from . import mjpeg_http  # noqa: PLC0415

        opened = mjpeg_http.open_mjpeg(request.url, request.timeout_s)
        if opened:
            return opened
    from . import usb_and_streams  # noqa: PLC0415

    if request.device:
        return usb_and_streams.open_device(request.device, request.timeout_s, request.least_px)
    return usb_and_streams.open_stream(request.url, request.timeout_s)


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
