"""CSI cameras of a Raspberry Pi, through picamera2.

Written from the manual and source of picamera2, and tested against a fake of it, not against a camera.
"""

import time
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...errors import EdgeclsError, Unavailable
from ..frame import OpenCamera, Picture

if TYPE_CHECKING:
    import numpy as np


_SIZE_PX = (640, 480)
_BUFFERS = 3
"""One is exposed, one waits, one is copied. Each takes contiguous memory."""
_RATE_FPS = 30.0
"""The default of a video configuration."""
_OLDEST_S = 2.0
"""A time stamp that is older, or in the future, comes from another clock."""


def open_csi(number: int, least_px: tuple[int, int] | None, timeout_s: float) -> OpenCamera:
    """Opens a CSI camera.

    Args:
        number: as in `rpicam-hello --list-cameras`.
        least_px: minimum (width, height) for its pictures; None: 640x480.
        timeout_s: for each picture.

    Raises:
        Unavailable: picamera2 is not installed, or the camera is missing or in use.
    """
    name = f"csi:{number}" if number else "csi"
    picamera2 = _import_picamera2(name)
    # USB cameras are listed after the CSI cameras.
    attached = sum("/usb" not in info["Id"] for info in picamera2.global_camera_info())
    if number >= attached:
        raise Unavailable(
            f"{name}: no such camera, {attached} attached; check its cable and `rpicam-hello --list-cameras`"
        )
    try:
        camera = picamera2(number)
        # "RGB888" names the bits of a word: in memory they are B, G, R, as for OpenCV.
        main = {"format": "RGB888", "size": _aligned(least_px or _SIZE_PX)}
        camera.configure(camera.create_video_configuration(main=main, raw=None, buffer_count=_BUFFERS))
        camera.start()
    except (RuntimeError, OSError) as error:  # what libcamera and picamera2 raise for any failure
        raise _cannot_open(name, error) from error
    width_px, height_px = camera.camera_configuration()["main"]["size"]
    return OpenCamera(_pictures(camera, name, timeout_s), width_px, height_px, _RATE_FPS)


def _aligned(size_px: tuple[int, int]) -> tuple[int, int]:
    """Widens a size to 4:3, as a narrower picture would be cropped from the sensor's, and makes it even."""
    width_px, height_px = size_px
    return max(width_px, height_px * 4 // 3) + 1 & ~1, height_px + 1 & ~1


def _import_picamera2(name: str) -> Any:
    try:
        picamera2 = import_module("picamera2")  # part of Raspberry Pi OS, not on PyPI for every system
    except ImportError as error:
        raise Unavailable(
            f"{name}: cannot import picamera2: {error}; run `sudo apt install python3-picamera2`, and "
            "create the virtual environment with `python3 -m venv --system-site-packages`"
        ) from error
    except ValueError as error:  # picamera2 #1211: apt's simplejpeg is compiled for numpy 1
        raise Unavailable(
            f"{name}: cannot import picamera2: {error}; run `pip install --force-reinstall --no-deps "
            "simplejpeg`, which is compiled for this numpy"
        ) from error
    return picamera2.Picamera2


def _cannot_open(name: str, error: Exception) -> EdgeclsError:
    chain = f"{error} {error.__context__ or ''}".lower()
    if "busy" in chain or "acquire" in chain:
        return Unavailable(f"{name}: in use by another process; end it or choose another camera")
    return Unavailable(
        f"{name}: cannot be opened: {error}; check its cable and `rpicam-hello --list-cameras`"
    )


def _pictures(camera: Any, name: str, timeout_s: float) -> Iterator[Picture]:
    """Yields each picture as it comes: at most one waits, and it is younger than a frame interval."""
    while True:
        try:
            request = camera.capture_request(wait=timeout_s)
        except TimeoutError as error:
            raise Unavailable(f"{name}: stopped giving pictures; check its cable") from error
        try:
            captured_at_s = _captured_at_s(request.get_metadata())
            pixels: np.ndarray = request.make_array("main")  # a copy, without the padding of its rows
        finally:
            request.release()
        yield Picture(pixels, captured_at_s)


def _captured_at_s(metadata: dict[str, Any]) -> float:
    """Returns when the sensor began to read out the picture, as `time.monotonic()`.

    libcamera counts from boot and includes the time asleep, which `time.monotonic` does not.
    """
    now_s = time.monotonic()
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - metadata.get("SensorTimestamp", 0) / 1e9
    return now_s - age_s if 0 <= age_s <= _OLDEST_S else now_s
