"""The picture that a browser gets."""

import numpy as np

from ..camera.frame import Frame
from ..opencv import cv2

WIDEST_PX = 1280
LARGEST_BYTES = 400_000
"""A JPEG from the camera goes on as it is, unless it is larger."""
_QUALITY = 80


def page_jpeg(frame: Frame) -> bytes:
    """The frame as a JPEG: the one that it came in, or a new one.

    Raises:
        BadImage: its JPEG is damaged; what was classified was not.
    """
    if frame.jpeg is not None and len(frame.jpeg) <= LARGEST_BYTES:
        return frame.jpeg
    return cv2.imencode(".jpg", _fitting(frame.pixels), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()


def _fitting(pixels: np.ndarray) -> np.ndarray:
    height_px, width_px = pixels.shape[:2]
    if width_px <= WIDEST_PX:
        return pixels
    size_px = (WIDEST_PX, max(1, round(height_px * WIDEST_PX / width_px)))
    return cv2.resize(pixels, size_px, interpolation=cv2.INTER_AREA)
