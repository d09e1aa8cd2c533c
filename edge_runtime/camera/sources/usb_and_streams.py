"""Cameras that OpenCV reads: V4L2 devices, and streams through FFmpeg."""

import os
import time
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from ...errors import Unavailable
from ...images import jpeg_header
from ...images.opencv import cv2
from ..frame import OpenCamera, Picture
from .diagnosis import why_no_camera, why_no_stream
from .video import stated_rate_fps

# What a V4L2 camera is asked for: JPEG as its chip makes it, in the smallest mode that serves.

COMMON_MODES_PX = (
    (160, 120),
    (176, 144),
    (320, 240),
    (352, 288),
    (640, 480),
    (800, 600),
    (1280, 720),
    (1600, 1200),
    (1920, 1080),
    (2592, 1944),
    (3840, 2160),
)
"""Those of webcams, by the number of pixels."""

_MJPG = cv2.VideoWriter.fourcc(*"MJPG")
_TRIED_PICTURES = 5
"""The first ones of many a camera are damaged."""


class V4l2Device(Protocol):
    """What is used here of an open `cv2.VideoCapture`."""

    def get(self, what: int, /) -> float:
        """A setting, one of `cv2.CAP_PROP_*`."""
        ...

    def set(self, what: int, value: float, /) -> bool:
        """Asks for a setting; the driver may take another."""
        ...

    def grab(self) -> bool:
        """Waits for the next picture."""
        ...

    def retrieve(self) -> tuple[bool, Any]:
        """Whether there is one, and it, as an array."""
        ...


def candidates_px(least_px: tuple[int, int]) -> list[tuple[int, int]]:
    """The common modes that cover `least_px`, the smallest first."""
    return [mode for mode in COMMON_MODES_PX if mode[0] >= least_px[0] and mode[1] >= least_px[1]]


def ask_for_size(camera: V4l2Device, least_px: tuple[int, int]) -> None:
    """Sets the mode of `least_px` itself, or else the smallest common one that covers it.

    A driver that lacks a mode sets a near one instead; where that is too small, the next larger is asked for.
    The last one stays, even where no mode of the camera is large enough.
    """
    if _set_size(camera, least_px) == least_px:
        return
    for mode_px in candidates_px(least_px):
        width_px, height_px = _set_size(camera, mode_px)
        if width_px >= least_px[0] and height_px >= least_px[1]:
            return


def ask_for_jpeg(camera: V4l2Device) -> bool:
    """Has the camera send JPEG: cheaper over USB, and no more of it need be decoded than the network sees.

    Before `ask_for_size`: a mode belongs to a format.
    """
    return camera.set(cv2.CAP_PROP_FOURCC, _MJPG) and int(camera.get(cv2.CAP_PROP_FOURCC)) == _MJPG


def keep_jpeg(camera: V4l2Device) -> bool:
    """Has OpenCV hand out the JPEGs themselves; False, and pixels as ever, where none come.

    The last setting: others set this one back.
    """
    if not camera.set(cv2.CAP_PROP_CONVERT_RGB, 0):
        return False
    for _ in range(_TRIED_PICTURES):
        if camera.grab():
            given, content = camera.retrieve()
            if given and jpeg_header.is_whole(content.tobytes()):
                return True
    camera.set(cv2.CAP_PROP_CONVERT_RGB, 1)
    return False


def _set_size(camera: V4l2Device, size_px: tuple[int, int]) -> tuple[int, int]:
    """The size that the driver took for it."""
    camera.set(cv2.CAP_PROP_FRAME_WIDTH, size_px[0])
    camera.set(cv2.CAP_PROP_FRAME_HEIGHT, size_px[1])
    return int(camera.get(cv2.CAP_PROP_FRAME_WIDTH)), int(camera.get(cv2.CAP_PROP_FRAME_HEIGHT))


_FAILED_READS = 10
"""One failed read is no reason to start over; after so many in a row the camera or stream is gone."""
_PAUSE_S = 0.02
"""After a failed read: the next one would fail at once, and the loop would spin."""

_STREAM_OPTIONS = "rtsp_flags;prefer_tcp|fflags;nobuffer"
"""TCP, as a packet that UDP loses smears the picture until the next key frame; UDP where the camera refuses.
Without a buffer, as the pictures from FFmpeg's look at the stream would come first, a second old."""


def open_device(path: str, timeout_s: float, least_px: tuple[int, int] | None = None) -> OpenCamera:
    """Opens a V4L2 camera by its device path; its pictures are JPEG where it makes them.

    Args:
        path: such as /dev/video0.
        timeout_s: for each picture.
        least_px: the (width, height) that its pictures should have at least.

    Raises:
        Unavailable, PermissionRefused: it cannot be opened.
    """
    capture = cv2.VideoCapture()
    # The only way to set it; read when the first camera is opened.
    os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(max(1, round(timeout_s)))
    if not capture.open(path, cv2.CAP_V4L2):
        raise why_no_camera(path)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # every further buffer is a frame of delay
    gives_jpeg = ask_for_jpeg(capture)
    if least_px:
        ask_for_size(capture, least_px)
    gives_jpeg = gives_jpeg and keep_jpeg(capture)
    return _opened(capture, _device_pictures(capture, path, gives_jpeg=gives_jpeg))


def open_stream(url: str, timeout_s: float) -> OpenCamera:
    """Opens an address that FFmpeg can read.

    Raises:
        Unavailable: there is no video.
    """
    capture = cv2.VideoCapture()
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", _STREAM_OPTIONS)  # the only way to set them
    timeout_ms = int(timeout_s * 1000)
    # FFmpeg takes these on opening only: set() afterwards returns False.
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
    if not capture.open(url, cv2.CAP_FFMPEG, timeouts):
        raise why_no_stream(url)
    return _opened(capture, pictures(capture))


def pictures(capture: cv2.VideoCapture, *, gives_jpeg: bool = False) -> Iterator[Picture]:
    """The pictures of an open camera or stream, until too many reads in a row failed.

    Args:
        capture: what is open.
        gives_jpeg: whether it hands out JPEGs, not pixels.
    """
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
            yield Picture(pixels.tobytes() if gives_jpeg else pixels, captured_at_s)


def _device_pictures(capture: cv2.VideoCapture, path: str, *, gives_jpeg: bool) -> Iterator[Picture]:
    yield from pictures(capture, gives_jpeg=gives_jpeg)
    raise Unavailable(f"{path}: stopped giving pictures; check its cable")


def _opened(capture: cv2.VideoCapture, given: Iterator[Picture]) -> OpenCamera:
    return OpenCamera(
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
