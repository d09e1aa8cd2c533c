"""A recorded video as a source: every frame, in order."""

import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from ..errors import BadImage, reading_failed
from ..opencv import cv2
from .container import is_cut_short
from .frame import Frame
from .source import EndOfSource

_HEAD_BYTES = 1024


class Video:
    """Reads a video file as fast as its frames are asked for.

    Where the resolution changes on the way, OpenCV scales to that of the first frame.
    """

    live = False
    reconnects = corrupt_frames = 0

    def __init__(self, path: Path) -> None:
        self.description = str(path)
        self.rate_fps: float | None = None
        self._path = path
        self._capture: cv2.VideoCapture | None = None
        self._stated_frames = 0
        self._read_frames = 0

    def read(self, timeout_s: float) -> Frame | None:  # noqa: ARG002 - a file does not keep one waiting
        """See `Source.read`.

        Raises:
            EndOfSource: every frame was given.
            BadImage: the file is cut short: after all that it holds were given.
        """
        pixels = self._decode()
        if pixels is None:
            raise self._end()
        self._read_frames += 1
        return Frame(pixels, sequence=self._read_frames, captured_at_s=time.monotonic())

    def _decode(self) -> np.ndarray | None:
        if self._capture is None:
            return None
        try:
            given, pixels = self._capture.read()
        except cv2.error as error:  # such as a frame that does not fit into memory
            raise BadImage(f"{self._path}: frame {self._read_frames + 1} cannot be decoded") from error
        return pixels if given else None

    def _end(self) -> Exception:
        stated = f" of {self._stated_frames}" if self._stated_frames > 0 else ""
        is_short = not stated or self._read_frames < self._stated_frames
        if is_short and is_cut_short(self._path):
            return BadImage(
                f"{self._path}: read {self._read_frames}{stated} frames: the file is truncated; copy it again"
            )
        return EndOfSource() if self._read_frames else _unreadable(self._path)

    def __enter__(self) -> Self:
        """Opens the file.

        Raises:
            BadImage: not a video that OpenCV can read.
            MissingInput, PermissionRefused: it cannot be read at all.
        """
        if _is_text(self._path):
            raise _unreadable(self._path)
        # FFmpeg takes "a:b.avi" for an address of scheme "a"; an absolute path has none.
        self._capture = cv2.VideoCapture(str(self._path.absolute()), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise _unreadable(self._path)
        self._stated_frames = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.rate_fps = stated_rate_fps(self._capture)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None


def stated_rate_fps(capture: cv2.VideoCapture) -> float | None:
    """The frame rate that an open video or camera states, if it is one."""
    rate_fps = capture.get(cv2.CAP_PROP_FPS)
    return rate_fps if 0 < rate_fps < 1000 else None  # FFmpeg gives 1000 where it has only a clock in ms


def _is_text(path: Path) -> bool:
    """Whether a file is plain text: FFmpeg would make a film of it, or follow it as a list of other files."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise reading_failed(path, error) from error
    if head.startswith(b"YUV4MPEG2"):  # uncompressed: a line of text, then pixels that may look like more
        return False
    return not any(byte < 0x20 and byte not in b"\t\n\r\f\x1b" for byte in head)


def _unreadable(path: Path) -> BadImage:
    return BadImage(f"{path}: not a readable video; check that it plays, or copy it again")
