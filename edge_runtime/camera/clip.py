"""A video made of still pictures, so that a camera loop can be tried where there is no camera."""

from pathlib import Path

import numpy as np

from ..errors import OutputFailed
from ..files import whole_file
from ..opencv import cv2

_BACKGROUND = 24  # a dark grey beside a picture narrower than the frame


def render_clip(
    path: Path,
    images: np.ndarray,
    frames_each: int,
    rate_fps: float = 10.0,
    size_px: tuple[int, int] = (640, 480),
) -> None:
    """Writes an mp4 that shows each picture, as large as the frame allows, for some frames.

    Args:
        path: the video.
        images: uint8 (N, H, W, 3) RGB.
        frames_each: how long each picture stays, in frames.
        rate_fps: frames per second.
        size_px: (width, height) of the video.

    Raises:
        OutputFailed, PermissionRefused: it cannot be written.
    """
    with whole_file(path) as beside:
        writer = cv2.VideoWriter(str(beside), cv2.VideoWriter.fourcc(*"mp4v"), rate_fps, size_px)
        if not writer.isOpened():
            raise OutputFailed(
                f"cannot write {path}: OpenCV has no mp4 encoder here; reinstall opencv-python"
            )
        try:
            for image in images:
                frame = _fit(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), *size_px)
                for _ in range(frames_each):
                    writer.write(frame)
        finally:
            writer.release()


def _fit(pixels: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    scale = min(width_px / pixels.shape[1], height_px / pixels.shape[0])
    picture = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    frame = np.full((height_px, width_px, 3), _BACKGROUND, np.uint8)
    top, left = (height_px - picture.shape[0]) // 2, (width_px - picture.shape[1]) // 2
    frame[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return frame
