"""Cameras that OpenCV reads: V4L2 devices, and streams through FFmpeg."""

import os
import time
from collections.abc import Iterator

import numpy as np

from ..errors import Unavailable
from ..opencv import cv2
from .capture_backend import Opened, Picture
from .diagnosis import why_no_camera, why_no_stream
from .video import stated_rate_fps

_FAILED_READS = 10
"""One failed read is no reason to start over; after so many in a row the camera or stream is gone."""
_PAUSE_S = 0.02
"""After a failed read: the next one would fail at once, and the loop would spin."""


def open_device(path: str, timeout_s: float) -> Opened:
    """Opens a V4L2 camera by its device path.

    Raises:
        Unavailable, PermissionRefused: it cannot be opened.
    """
    capture = cv2.VideoCapture()
    # The only way to set it; read when the first camera is opened.
    os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(max(1, round(timeout_s)))
    if not capture.open(path, cv2.CAP_V4L2):
        raise why_no_camera(path)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # every further buffer is a frame of delay
    return _opened(capture, _device_pictures(capture, path))


def open_stream(url: str, timeout_s: float) -> Opened:
    """Opens an address that FFmpeg can read.

    Raises:
        Unavailable: there is no video.
    """
    capture = cv2.VideoCapture()
    timeout_ms = int(timeout_s * 1000)
    # FFmpeg takes these on opening only: set() afterwards returns False.
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
    if not capture.open(url, cv2.CAP_FFMPEG, timeouts):
        raise why_no_stream(url)
    return _opened(capture, pictures(capture))


def pictures(capture: cv2.VideoCapture) -> Iterator[Picture]:
    """The pictures of an open camera or stream, until too many reads in a row failed."""
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
            yield Picture(pixels, captured_at_s)


def _device_pictures(capture: cv2.VideoCapture, path: str) -> Iterator[Picture]:
    yield from pictures(capture)
    raise Unavailable(f"{path}: stopped giving pictures; check its cable")


def _opened(capture: cv2.VideoCapture, given: Iterator[Picture]) -> Opened:
    return Opened(
        given,
        width_px=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        height_px=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        rate_fps=stated_rate_fps(capture),
    )


def _retrieve(capture: cv2.VideoCapture) -> np.ndarray | None:
    try:
        given, pixels = capture.retrieve()
    except cv2.error:  # a picture that came damaged
        return None
    return pixels if given else None
