"""What a V4L2 camera is asked for: JPEG as its chip makes it, in the smallest mode that serves."""

from typing import Any, Protocol

from .. import jpeg
from ..opencv import cv2

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


class Camera(Protocol):
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


def ask_for_size(camera: Camera, least_px: tuple[int, int]) -> None:
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


def ask_for_jpeg(camera: Camera) -> bool:
    """Has the camera send JPEG: cheaper over USB, and no more of it need be decoded than the network sees.

    Before `ask_for_size`: a mode belongs to a format.
    """
    return camera.set(cv2.CAP_PROP_FOURCC, _MJPG) and int(camera.get(cv2.CAP_PROP_FOURCC)) == _MJPG


def keep_jpeg(camera: Camera) -> bool:
    """Has OpenCV hand out the JPEGs themselves; False, and pixels as ever, where none come.

    The last setting: others set this one back.
    """
    if not camera.set(cv2.CAP_PROP_CONVERT_RGB, 0):
        return False
    for _ in range(_TRIED_PICTURES):
        if camera.grab():
            given, content = camera.retrieve()
            if given and jpeg.is_whole(content.tobytes()):
                return True
    camera.set(cv2.CAP_PROP_CONVERT_RGB, 1)
    return False


def _set_size(camera: Camera, size_px: tuple[int, int]) -> tuple[int, int]:
    """The size that the driver took for it."""
    camera.set(cv2.CAP_PROP_FRAME_WIDTH, size_px[0])
    camera.set(cv2.CAP_PROP_FRAME_HEIGHT, size_px[1])
    return int(camera.get(cv2.CAP_PROP_FRAME_WIDTH)), int(camera.get(cv2.CAP_PROP_FRAME_HEIGHT))
