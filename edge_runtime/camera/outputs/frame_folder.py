"""Records the frames of a camera loop, and what was decided on them, into a folder for `--replay`."""

import errno
import os
import shutil
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ...errors import EdgeclsError, writing_failed
from ...files import check_writable
from ...images.opencv import cv2
from ..answer import Answer, Sink
from ..event import Event, OnEvent, ignore
from ..recording import (
    ANSWERS_NAME,
    HEADER_NAME,
    RecordedAnswer,
    RecordingHeader,
    check_no_recording,
    frame_name,
)
from .video_file import RESERVE_BYTES

PART_FRAMES = 1000
"""Frames in one sub-folder."""
_PARTS_KEPT = 8
"""About so many sub-folders make up a recording with a limit: removing the oldest frees an eighth."""
_JPEG_QUALITY = 95
"""For frames that did not come as JPEG."""
_BLOCK_BYTES = 4096
"""Files take whole blocks of a disk."""


class FrameRecorder(Sink):
    """Writes frames and decisions into a folder; `recording.py` describes the format.

    When nothing more can be written, because the disk is full or broken, an event says so: the recording
    ends, the loop continues, and `close` raises the error.

    Args:
        folder: must hold no recording; created if it does not exist.
        header: see `new_header`.
        on_event: called when the recording ends before the loop.
        max_bytes: limit on disk, above which the oldest frames are removed. None: no limit.
        reserve_bytes: disk space to leave free.

    Raises:
        BadConfiguration: the folder holds a recording already.
        OutputFailed, PermissionRefused: nothing can be written there.
    """

    name = "the recording"

    def __init__(
        self,
        folder: Path,
        header: RecordingHeader,
        on_event: OnEvent = ignore,
        max_bytes: int | None = None,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        check_writable(folder / HEADER_NAME)
        folder.mkdir(parents=True, exist_ok=True)
        check_no_recording(folder)
        self._folder = folder
        self._header = header
        self._on_event = on_event
        self._max_bytes = max_bytes
        self._reserve_bytes = reserve_bytes
        self._parts: deque[_Part] = deque()
        self._parts_made = 0
        self._failure: EdgeclsError | None = None

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        if self._failure:
            return
        try:
            if shutil.disk_usage(self._folder).free < self._reserve_bytes:
                raise _disk_full()
            self._current_part().add(answer)
            self._remove_oldest()
        except OSError as error:
            self._stop(error, writing_failed(self._folder, error))

    def _current_part(self) -> "_Part":
        """Returns the sub-folder for the next frame, a new one if the last is complete."""
        if self._parts and not self._is_complete(self._parts[-1]):
            return self._parts[-1]
        if self._parts:
            self._parts[-1].close()
        else:
            (self._folder / HEADER_NAME).write_text(
                self._header.to_json(), encoding="utf-8", errors="backslashreplace"
            )
        self._parts_made += 1
        self._parts.append(_Part(self._folder / f"{self._parts_made:06d}"))
        return self._parts[-1]

    def _is_complete(self, part: "_Part") -> bool:
        is_large = self._max_bytes is not None and part.size_bytes >= self._max_bytes / _PARTS_KEPT
        return is_large or part.frames >= PART_FRAMES

    def _remove_oldest(self) -> None:
        if self._max_bytes is None:
            return
        while len(self._parts) > 1 and sum(part.size_bytes for part in self._parts) > self._max_bytes:
            shutil.rmtree(self._parts.popleft().path)

    def _stop(self, cause: OSError, failure: EdgeclsError) -> None:
        self._failure = failure
        if cause.errno in (errno.ENOSPC, errno.EDQUOT):
            self._on_event(Event("disk_full", f"the disk is full; the recording {self._folder} ends here"))
        else:
            self._on_event(Event("record_failed", f"the recording ends here: {failure}"))

    def close(self) -> None:
        """See `Sink.close`.

        Raises:
            OutputFailed, PermissionRefused: what ended the recording early; everything before it is kept.
        """
        if self._parts:
            self._parts[-1].close()
        failure, self._failure = self._failure, None
        if failure:
            raise failure


class _Part:
    """One sub-folder of a recording, open for frames until it is closed."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        self.path = path
        self.frames = self.size_bytes = 0
        self._answers = (path / ANSWERS_NAME).open("xb", buffering=0)  # unbuffered: each line is one write

    def add(self, answer: Answer) -> None:
        """Writes the frame, and then its line."""
        jpeg = _jpeg(answer.frame.picture)
        with (self.path / frame_name(answer.frame.sequence)).open("xb", buffering=0) as file:
            _write(file.fileno(), jpeg)
        line = RecordedAnswer.of(answer, datetime.now(UTC).isoformat(timespec="milliseconds")).to_line()
        _write(self._answers.fileno(), line)
        self.frames += 1
        self.size_bytes += -(-len(jpeg) // _BLOCK_BYTES) * _BLOCK_BYTES + len(line)

    def close(self) -> None:
        """Closes the file of answers. May be called twice."""
        self._answers.close()


def _jpeg(picture: np.ndarray | bytes) -> bytes:
    """Returns the picture as captured, before `View.apply`, which a replay applies itself."""
    if isinstance(picture, bytes):
        return picture
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _write(descriptor: int, content: bytes) -> None:
    if os.write(descriptor, content) < len(content):  # what a disk does just before it is full
        raise _disk_full()


def _disk_full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
