"""The cameras on a Raspberry Pi's ribbon cable (CSI), through picamera2.

Written after picamera2's manual and source: there is no such camera where edgecls is tested.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...errors import EdgeclsError, Unavailable
from ..frame import OpenCamera, Picture

if TYPE_CHECKING:
    import numpy as np


_SIZE_PX = (640, 480)
_BUFFERS = 3
"""One that is exposed, one that waits, one that is copied; every further one takes contiguous memory."""
_RATE_FPS = 30.0
"""Of a video configuration, unless its frame durations are set."""
_OLDEST_S = 2.0
"""A time stamp further back, or ahead, is not of this clock."""


def open_csi(number: int, least_px: tuple[int, int] | None, timeout_s: float) -> OpenCamera:
    """Opens a CSI camera.

    Args:
        number: as `rpicam-hello --list-cameras` counts them.
        least_px: the (width, height) that the pictures shall have at least; None: 640x480.
        timeout_s: after so long without a picture, it is gone.

    Raises:
        Unavailable: picamera2 is not installed; there is no such camera; it is in use.
    """
    name = f"csi:{number}" if number else "csi"
    picamera2 = _load(name)
    attached = sum("/usb" not in info["Id"] for info in picamera2.global_camera_info())  # those come last
    if number >= attached:
        raise Unavailable(
            f"{name}: no such camera, {attached} attached; check its cable and `rpicam-hello --list-cameras`"
        )
    try:
        camera = picamera2(number)
        # "RGB888" is named after the bits of a word: in memory it is B, G, R, as OpenCV has it.
        main = {"format": "RGB888", "size": _wider(least_px or _SIZE_PX)}
        camera.configure(camera.create_video_configuration(main=main, raw=None, buffer_count=_BUFFERS))
        camera.start()
    except (RuntimeError, OSError) as error:  # what libcamera and picamera2 raise for every failure
        raise _why_not(name, error) from error
    width_px, height_px = camera.camera_configuration()["main"]["size"]
    return OpenCamera(_pictures(camera, name, timeout_s), width_px, height_px, _RATE_FPS)


def _wider(size_px: tuple[int, int]) -> tuple[int, int]:
    """At least as wide as the sensor, 4:3, and even: a narrower picture would be cut out of its view."""
    width_px, height_px = size_px
    return max(width_px, height_px * 4 // 3) + 1 & ~1, height_px + 1 & ~1


def _load(name: str) -> Any:
    try:
        # Comes with Raspberry Pi OS, and is nowhere else.
        from picamera2 import Picamera2  # noqa: PLC0415  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise Unavailable(
            f"{name}: picamera2 cannot be loaded: {error}; run `sudo apt install python3-picamera2`, and "
            "make a virtual environment with `python3 -m venv --system-site-packages`"
        ) from error
    except ValueError as error:  # what was compiled for another numpy says it so
        raise Unavailable(
            f"{name}: picamera2 cannot be loaded: {error}; run `pip uninstall numpy` in the virtual "
            "environment, which then takes the system's"
        ) from error
    return Picamera2


def _why_not(name: str, error: Exception) -> EdgeclsError:
    chain = f"{error} {error.__context__ or ''}".lower()
    if "busy" in chain or "acquire" in chain:
        return Unavailable(f"{name}: in use by another process; end it or choose another camera")
    return Unavailable(
        f"{name}: cannot be opened: {error}; check its cable and `rpicam-hello --list-cameras`"
    )


def _pictures(camera: Any, name: str, timeout_s: float) -> Iterator[Picture]:
    """Takes each picture as it comes: at most one waits, and it is younger than a frame's interval."""
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
    """When the sensor began to read the picture out, on our clock.

    libcamera counts from boot, with the time asleep; `time.monotonic` without it.
    """
    now_s = time.monotonic()
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - metadata.get("SensorTimestamp", 0) / 1e9
    return now_s - age_s if 0 <= age_s <= _OLDEST_S else now_s
