"""USB cameras, which OpenCV reads through V4L2, or through what other systems have.

A camera is asked for JPEG, which its chip makes, in the smallest mode that is large enough.
"""

import os
import sys
import time
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from ...errors import Unavailable
from ...images import jpeg_header
from ...images.decoder_messages import hear
from ...images.jpeg_damage import is_damage
from ...images.opencv import cv2
from ..frame import OpenCamera, Picture
from .diagnosis import why_no_camera
from .video import stated_rate_fps

_FAILED_READS = 10
"""After this many failed reads in a row, the camera or stream is lost."""
_PAUSE_S = 0.02
"""After a failed read, as the next one would fail at once."""


def open_device(path: str, timeout_s: float, least_px: tuple[int, int] | None = None) -> OpenCamera:
    """Opens a camera of this computer; its pictures are JPEG if it can make them.

    Args:
        path: such as /dev/video0; on systems other than Linux an index, such as 0.
        timeout_s: for each picture.
        least_px: minimum (width, height) for its pictures; None: its current mode.

    Raises:
        Unavailable, PermissionRefused: it cannot be opened.
    """
    capture = cv2.VideoCapture()
    # The only way to set it; OpenCV reads it when it opens the first camera.
    os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(max(1, round(timeout_s)))
    if path.isdecimal():
        return _open_index(capture, int(path), least_px)
    if not capture.open(path, cv2.CAP_V4L2):
        raise why_no_camera(path)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # each further buffer adds a frame of delay
    gives_jpeg = request_jpeg(capture)
    if least_px:
        request_size(capture, least_px)
    gives_jpeg = gives_jpeg and request_undecoded(capture)
    return opened(capture, _device_pictures(capture, path, gives_jpeg=gives_jpeg))


_LIBRARIES = {"win32": cv2.CAP_DSHOW, "darwin": cv2.CAP_AVFOUNDATION}
"""DirectShow, as OpenCV's default for Windows (MSMF) takes up to half a minute to open a camera."""


def _open_index(capture: cv2.VideoCapture, index: int, least_px: tuple[int, int] | None) -> OpenCamera:
    if not capture.open(index, _LIBRARIES.get(sys.platform, cv2.CAP_ANY)):
        raise why_no_camera(str(index))
    if sys.platform == "win32":  # less to send over USB; OpenCV decodes it
        request_jpeg(capture)
    if least_px:
        request_size(capture, least_px)
    return opened(capture, _device_pictures(capture, f"camera {index}", gives_jpeg=False))


def pictures(capture: cv2.VideoCapture, *, gives_jpeg: bool = False) -> Iterator[Picture | None]:
    """Yields the pictures of an open camera or stream, until too many reads in a row have failed.

    Args:
        capture: the open camera or stream.
        gives_jpeg: whether it gives JPEG in place of pixels.

    Yields:
        A picture; None for a damaged one.
    """
    failures = 0
    while failures < _FAILED_READS:
        given = capture.grab()
        captured_at_s = time.monotonic()
        pixels, is_damaged = _retrieve(capture) if given else (None, False)
        if pixels is None:
            failures += 1
            time.sleep(_PAUSE_S)
            continue
        failures = 0
        content = pixels.tobytes() if gives_jpeg else pixels
        yield None if is_damaged else Picture(content, captured_at_s)


def _device_pictures(capture: cv2.VideoCapture, path: str, *, gives_jpeg: bool) -> Iterator[Picture | None]:
    yield from pictures(capture, gives_jpeg=gives_jpeg)
    raise Unavailable(f"{path}: stopped giving pictures; check its cable")


def opened(capture: cv2.VideoCapture, given: Iterator[Picture | None]) -> OpenCamera:
    """Returns an open camera or stream, with what OpenCV knows of it."""
    return OpenCamera(
        given,
        width_px=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        height_px=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        rate_fps=stated_rate_fps(capture),
    )


def _retrieve(capture: cv2.VideoCapture) -> tuple[np.ndarray | None, bool]:
    """Returns the picture, None where there is none, and whether it is a damaged JPEG that OpenCV decoded."""
    try:
        (given, pixels), warning = hear(capture.retrieve)
    except cv2.error:
        return None, False
    return (pixels if given else None), is_damage(warning)


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
"""(width, height) of the usual modes of webcams, by the number of pixels."""

_MJPG = cv2.VideoWriter.fourcc(*"MJPG")
_TRIAL_PICTURES = 5
"""The first pictures of some cameras are damaged."""


class V4l2Device(Protocol):
    """The part of an open `cv2.VideoCapture` that is used to set its mode."""

    def get(self, what: int, /) -> float:
        """Returns a property, one of `cv2.CAP_PROP_*`."""
        ...

    def set(self, what: int, value: float, /) -> bool:
        """Requests a value; the driver may set another."""
        ...

    def grab(self) -> bool:
        """Waits for the next picture; returns whether there is one."""
        ...

    def retrieve(self) -> tuple[bool, Any]:
        """Returns whether there is a picture, and the picture as an array."""
        ...


def candidates_px(least_px: tuple[int, int]) -> list[tuple[int, int]]:
    """Returns the common modes of at least `least_px`, smallest first."""
    return [mode for mode in COMMON_MODES_PX if mode[0] >= least_px[0] and mode[1] >= least_px[1]]


def request_size(camera: V4l2Device, least_px: tuple[int, int]) -> None:
    """Sets the mode of exactly `least_px`, or else the smallest common one that is large enough.

    A driver without the mode sets a similar one; if that is too small, the next larger is requested. The last
    one stays, even if no mode of the camera is large enough.
    """
    if _set_size(camera, least_px) == least_px:
        return
    for mode_px in candidates_px(least_px):
        width_px, height_px = _set_size(camera, mode_px)
        if width_px >= least_px[0] and height_px >= least_px[1]:
            return


def request_jpeg(camera: V4l2Device) -> bool:
    """Requests JPEG: cheaper over USB, and only the part that the network sees must be decoded.

    To be called before `request_size`, as a mode belongs to a format. Returns whether the camera accepted.
    """
    return camera.set(cv2.CAP_PROP_FOURCC, _MJPG) and int(camera.get(cv2.CAP_PROP_FOURCC)) == _MJPG


def request_undecoded(camera: V4l2Device) -> bool:
    """Requests the JPEGs themselves from OpenCV; returns False, and keeps pixels, if something else comes.

    JPEGs that are cut count too: OpenCV would decode them, fill them up with grey and not say so. To be
    called last, as other settings reset this one.
    """
    if not camera.set(cv2.CAP_PROP_CONVERT_RGB, 0):
        return False
    gives_other = False
    for _ in range(_TRIAL_PICTURES):
        if camera.grab():
            given, content = camera.retrieve()
            if given and jpeg_header.is_jpeg(content.tobytes()):
                return True
            gives_other |= given
    if gives_other:
        camera.set(cv2.CAP_PROP_CONVERT_RGB, 1)
    return not gives_other


def _set_size(camera: V4l2Device, size_px: tuple[int, int]) -> tuple[int, int]:
    """Requests a size; returns the one that the driver set."""
    camera.set(cv2.CAP_PROP_FRAME_WIDTH, size_px[0])
    camera.set(cv2.CAP_PROP_FRAME_HEIGHT, size_px[1])
    return int(camera.get(cv2.CAP_PROP_FRAME_WIDTH)), int(camera.get(cv2.CAP_PROP_FRAME_HEIGHT))
