"""Video output: records a camera loop as an annotated mp4, and makes a clip of still pictures."""

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np

from ...descriptors import native_stderr_held
from ...errors import OutputFailed, UsageError
from ...files import check_writable, scratch_folder, whole_file
from ...images.opencv import cv2, path_for_cv2
from ..answer import Answer, Sink
from ..event import Event, OnEvent, ignore
from ..frame import Frame
from ..sources.source import Source
from .overlay import annotate

CAMERA_FPS = 15.0
"""Frame rate of the video for a camera that does not state its own."""
STILLS_FPS = 1.0
"""Frame rate of the video for still images."""
MAX_PAUSE_S = 2.0
"""A longer silence of a camera is cut to this."""
RESERVE_BYTES = 16_000_000
"""Disk space to leave free: an mp4 cannot be played without the index that is written at its end."""
_CLIP_BACKGROUND = 24
"""Dark grey, beside a picture of a clip that is narrower than the video."""


class Recorder(Sink):
    """Writes each frame with its answer into a video, which appears when it is closed.

    Frames of a camera come irregularly, and frames of a video may be skipped, so each is shown until the next
    one: an hour of camera becomes an hour of video.

    Args:
        path: the `.mp4` to write.
        source: gives the frame rate of the video.
        on_event: called when the disk is full: the video ends there, and the loop continues.
        reserve_bytes: disk space to leave free.

    Raises:
        UsageError: `path` is not an `.mp4`.
        OutputFailed, PermissionRefused: nothing can be written there.
    """

    name = "the recording"

    def __init__(
        self, path: Path, source: Source, on_event: OnEvent = ignore, reserve_bytes: int = RESERVE_BYTES
    ) -> None:
        if path.suffix.lower() != ".mp4" or path.is_dir():
            raise UsageError(
                f"{path}: not the name of a video to record; end it in .mp4, or in / for a folder"
            )
        check_writable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._source = source
        self._on_event = on_event
        self._reserve_bytes = reserve_bytes
        self._recording: _Recording | None = None
        self._failure: OutputFailed | None = None

    def write(self, answer: Answer) -> None:
        """See `Sink.write`.

        Raises:
            OutputFailed: OpenCV has no encoder.
        """
        if self._failure:
            return
        if shutil.disk_usage(self._path.parent).free < self._reserve_bytes:
            self._failure = OutputFailed(
                f"cannot write {self._path}: the disk was full before the end; free space and run it again"
            )
            self._on_event(Event("disk_full", f"the disk is full; {self._path} ends here"))
            return
        picture = annotate(answer.frame.pixels, answer.decision.shown, answer.timing)
        if self._recording is None:
            self._recording = _Recording(self._path, self._source, answer.frame, picture)
        self._recording.write(picture, answer.frame.time_s)

    def close(self) -> None:
        """Finishes the video; without a frame there is none.

        Raises:
            OutputFailed: the disk was full. What was recorded before is kept if it can be played, otherwise
                the old file.
        """
        recording, self._recording = self._recording, None
        failure, self._failure = self._failure, None
        if recording:
            recording.finish()
        if failure:
            raise failure


class _Recording:
    """A video that is being written."""

    def __init__(self, path: Path, source: Source, frame: Frame, first: np.ndarray) -> None:
        self._path = path
        self._is_paced = source.live or frame.position_s is not None
        self._rate_fps = source.rate_fps or (CAMERA_FPS if source.live else STILLS_FPS)
        self._size_px = first.shape[1], first.shape[0]
        self._last = first
        self._started_s = 0.0
        self._frames = 0
        with ExitStack() as cleanup:  # no file is left behind if there is no encoder
            self._beside = cleanup.enter_context(whole_file(path))
            self._writer = _open_writer(self._beside, _best_codec(), self._rate_fps, self._size_px, path)
            self._file = cleanup.pop_all()

    def write(self, picture: np.ndarray, time_s: float) -> None:
        if (picture.shape[1], picture.shape[0]) != self._size_px:  # the camera's resolution changed
            picture = cv2.resize(picture, self._size_px, interpolation=cv2.INTER_AREA)
        for shown in self._paced(picture, time_s) if self._is_paced else (picture,):
            self._writer.write(shown)
            self._frames += 1
        self._last = picture

    def _paced(self, picture: np.ndarray, time_s: float) -> list[np.ndarray]:
        """Returns the pictures due until `time_s`: the last one again, then this one; none if it is early."""
        if self._frames == 0:
            self._started_s = time_s
        due = round((time_s - self._started_s) * self._rate_fps) + 1 - self._frames
        too_many = due - round(MAX_PAUSE_S * self._rate_fps)
        if too_many > 0:
            self._started_s += too_many / self._rate_fps
            due -= too_many
        return [self._last] * (due - 1) + [picture] if due > 0 else []

    def finish(self) -> None:
        with self._file:
            self._writer.release()
            readable = _count_frames(self._beside)
            if readable != self._frames:  # OpenCV does not report a failed write
                raise OutputFailed(
                    f"cannot write {self._path}: {readable} of {self._frames} frames reached the disk; "
                    "free some space and run it again"
                )


def render_clip(
    path: Path,
    images: np.ndarray,
    frames_each: int,
    rate_fps: float = 10.0,
    size_px: tuple[int, int] = (640, 480),
) -> None:
    """Writes an mp4 of still pictures, to try a camera loop without a camera.

    Args:
        path: the video.
        images: uint8 (N, H, W, 3) RGB, each shown as large as the video allows.
        frames_each: how many frames show each picture.
        rate_fps: frames per second.
        size_px: (width, height) of the video.

    Raises:
        OutputFailed, PermissionRefused: it cannot be written.
    """
    with whole_file(path) as beside:
        writer = _open_writer(beside, "mp4v", rate_fps, size_px, path)
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


@cache
def _best_codec() -> str:
    """Returns `avc1`, which browsers play, if this OpenCV can really write it; otherwise `mp4v`."""
    with scratch_folder() as folder, native_stderr_held():
        path = folder / "trial.mp4"
        writer = _video_writer(path, "avc1", CAMERA_FPS, (320, 240))
        for _ in range(3):
            writer.write(np.zeros((240, 320, 3), np.uint8))
        writer.release()
        return "avc1" if _count_frames(path) == 3 else "mp4v"


def _open_writer(
    path: Path, codec: str, rate_fps: float, size_px: tuple[int, int], stated_path: Path
) -> cv2.VideoWriter:
    """Opens an mp4 for writing.

    Raises:
        OutputFailed: OpenCV has no encoder; the message names `stated_path`.
    """
    writer = _video_writer(path, codec, rate_fps, size_px)
    if not writer.isOpened():
        raise OutputFailed(
            f"cannot write {stated_path}: OpenCV has no mp4 encoder here; reinstall opencv-python"
        )
    return writer


def _video_writer(path: Path, codec: str, rate_fps: float, size_px: tuple[int, int]) -> cv2.VideoWriter:
    return cv2.VideoWriter(
        path_for_cv2(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), rate_fps, size_px
    )


def _count_frames(path: Path) -> int:
    capture = cv2.VideoCapture(path_for_cv2(path), cv2.CAP_FFMPEG)
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    finally:
        capture.release()
