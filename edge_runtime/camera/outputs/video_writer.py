"""Video writer: pictures into an `.mp4` or a `.webm`, through OpenCV's FFmpeg."""

import time
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import cast

import numpy as np

from ...descriptors import native_stderr_held
from ...errors import OutputFailed, writing_failed
from ...files import whole_file
from ...images.opencv import cv2, path_for_cv2

SUFFIXES = (".mp4", ".webm")
"""Of the videos that can be written; browsers play every `.webm`, and an `.mp4` if OpenCV has H.264."""
_TIME_BASE = 65_535
"""MPEG-4 counts at most so many ticks a second."""
_SLOWEST_FPS = 1.0
"""OpenCV rounds rates to a thousandth of a frame per second, which is too coarse for slower ones."""
_WEBM_SHARE = 0.25
"""Of one core, for VP8: it takes twenty times as long as MPEG-4."""
_CLIP_BACKGROUND = 24
"""Dark grey, beside a picture of a clip that is narrower than the video."""


class VideoWriter:
    """Writes pictures of one size, each shown for the same time.

    Args:
        path: of the file, with one of `SUFFIXES`.
        rate_fps: frames per second; see `encodable_rate`.
        size_px: (width, height).
        stated_path: what errors call the file.

    Raises:
        OutputFailed: OpenCV has no encoder, or nothing can be written there.
    """

    def __init__(self, path: Path, rate_fps: float, size_px: tuple[int, int], stated_path: Path) -> None:
        self._path, self._stated_path = path, stated_path
        self._frames = 0
        self._writer = _open(path, _codec(path), rate_fps, size_px)
        if not self._writer.isOpened():
            _check_disk(path, stated_path)
            name = path.suffix.lower().removeprefix(".")
            raise OutputFailed(
                f"cannot write {stated_path}: OpenCV has no {name} encoder here; reinstall opencv-python"
            )

    def write(self, picture: np.ndarray) -> None:
        """Adds a picture: uint8 (height, width, 3) BGR."""
        self._writer.write(picture)
        self._frames += 1

    def finish(self) -> None:
        """Writes the end of the file, and checks that every picture can be read back.

        Raises:
            OutputFailed: some did not reach the disk, which OpenCV does not report.
        """
        self._writer.release()
        readable = count_frames(self._path)
        # WebM states its length in milliseconds and no number of frames.
        tolerated = max(1, self._frames // 100) if self._path.suffix.lower() == ".webm" else 0
        if abs(readable - self._frames) > tolerated:
            raise OutputFailed(
                f"cannot write {self._stated_path}: {readable} of {self._frames} frames reached the disk; "
                "free some space and run it again"
            )

    def release(self) -> None:
        """Gives the file up as it is. May be called twice."""
        self._writer.release()


def _check_disk(path: Path, stated_path: Path) -> None:
    """Raises OutputFailed where not the encoder is missing, but nothing can be written."""
    try:
        path.write_bytes(b"trial")
        path.unlink()
    except OSError as error:
        raise writing_failed(stated_path, error) from error


def encodable_rate(rate_fps: float) -> float:
    """Returns the rate nearest to `rate_fps` that MPEG-4 can state, within a thousandth.

    The clock of MPEG-4 has 16 bits: 119.993 fps would need 119,993 ticks a second, so it becomes 119.99. A
    rate below `_SLOWEST_FPS` becomes a multiple, for a writer that shows pictures several times.
    """
    if rate_fps < _SLOWEST_FPS:
        rate_fps *= -(-_SLOWEST_FPS // rate_fps)
    decimals = next(digits for digits in (3, 2, 1, 0) if rate_fps * 10**digits <= _TIME_BASE or not digits)
    return round(rate_fps, decimals)


def live_rate(path: Path, rate_fps: float, first: np.ndarray) -> float:
    """Returns the rate at which a camera's pictures are written: of a `.webm`, what this machine can encode.

    Args:
        path: of the file, which is not there yet.
        rate_fps: of the camera.
        first: a picture as they will come, uint8 (H, W, 3) BGR.
    """
    if path.suffix.lower() != ".webm":
        return rate_fps
    return max(1.0, min(rate_fps, _WEBM_SHARE / _encoding_s(path, first)))


def _encoding_s(path: Path, first: np.ndarray) -> float:
    """Returns the time that VP8 takes for a picture, by a trial in place of the file."""
    writer = _open(path, "VP80", 10.0, (first.shape[1], first.shape[0]))
    took_s: list[float] = []
    for shift in range(4):
        started_s = time.perf_counter()
        writer.write(np.roll(first, 2 * shift, axis=1))
        took_s.append(time.perf_counter() - started_s)
    writer.release()
    path.unlink(missing_ok=True)
    return max(1e-3, *took_s)


_h264_works: list[bool] = []


def _codec(path: Path) -> str:
    """Returns VP8 for `.webm`; for `.mp4` H.264, if this OpenCV can really write it, or else MPEG-4."""
    if path.suffix.lower() == ".webm":
        return "VP80"
    if not _h264_works:
        with native_stderr_held():
            writer = _open(path, "avc1", 15.0, (320, 240))
            for _ in range(3):
                writer.write(np.zeros((240, 320, 3), np.uint8))
            writer.release()
        _h264_works.append(count_frames(path) == 3)
        path.unlink(missing_ok=True)
    return "avc1" if _h264_works[0] else "mp4v"


def _open(path: Path, codec: str, rate_fps: float, size_px: tuple[int, int]) -> cv2.VideoWriter:
    # OpenCV prints a line about VP8's tag, which means nothing.
    with native_stderr_held() if codec == "VP80" else nullcontext():
        return cv2.VideoWriter(
            path_for_cv2(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), rate_fps, size_px
        )


def count_frames(path: Path) -> int:
    """Returns the number of frames of a finished video; 0 for one that was cut off."""
    capture = cv2.VideoCapture(path_for_cv2(path), cv2.CAP_FFMPEG)
    try:
        return max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))) if capture.isOpened() else 0
    finally:
        capture.release()


def render_clip(
    path: Path,
    images: np.ndarray,
    frames_each: int,
    rate_fps: float = 10.0,
    size_px: tuple[int, int] = (640, 480),
) -> None:
    """Writes a video of still pictures, to try a camera loop without a camera.

    Args:
        path: the video, `.mp4` or `.webm`.
        images: uint8 (N, H, W, 3) RGB, each shown as large as the video allows.
        frames_each: how many frames show each picture.
        rate_fps: frames per second.
        size_px: (width, height) of the video.

    Raises:
        OutputFailed, PermissionRefused: it cannot be written.
    """
    with whole_file(path) as beside:
        writer = VideoWriter(beside, encodable_rate(rate_fps), size_px, path)
        try:
            for image in cast(Iterable[np.ndarray], images):
                frame = _fit(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), *size_px)
                for _ in range(frames_each):
                    writer.write(frame)
        finally:
            writer.release()


def _fit(pixels: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    scale = min(width_px / pixels.shape[1], height_px / pixels.shape[0])
    picture = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    frame = np.full((height_px, width_px, 3), _CLIP_BACKGROUND, np.uint8)
    top, left = (height_px - picture.shape[0]) // 2, (width_px - picture.shape[1]) // 2
    frame[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return frame
