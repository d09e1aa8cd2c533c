"""Records the frames of a camera loop, and what was decided on them, into a folder for `--replay`."""

import errno
import io
import os
import shutil
from collections import deque
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np

from ...errors import BadConfiguration, EdgeclsError
from ...files import check_writable, write_whole
from ...images.opencv import cv2
from ...locks import Lock, LockedFolder
from ..answer import Answer, Sink
from ..event import OnEvent, ignore
from ..recording import (
    ANSWERS_NAME,
    HEADER_NAME,
    RecordedAnswer,
    RecordingHeader,
    check_no_recording,
    frame_name,
    part_folders,
    read_header,
    remove_unfinished,
)
from .recording_disk import RESERVE_BYTES, RecordingDisk

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

    When nothing more can be written, because the disk is full, broken or gone, an event says so, and the loop
    continues.

    Args:
        folder: must hold no recording; created if it does not exist.
        header: see `new_header`.
        on_event: called when the recording stops, and when it goes on.
        max_bytes: limit on disk, above which the oldest frames are removed. None: no limit.
        reserve_bytes: disk space to leave free.
        resumes: whether the recording goes on when the disk is back, and after a restart with the same
            source, model and options; otherwise it ends at the first failure, which `close` raises.

    Raises:
        BadConfiguration: the folder holds a recording already, or another process records to it.
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
        *,
        resumes: bool = False,
    ) -> None:
        self._folder = folder
        self._header = header
        self._max_bytes = max_bytes
        self._resumes = resumes
        self._parts: deque[_Part] = deque()
        self._locked: LockedFolder | None = None
        try:
            check_writable(folder / HEADER_NAME)
            folder.mkdir(parents=True, exist_ok=True)
            failure = None
        except EdgeclsError as error:
            failure = error
        self._disk = RecordingDisk(folder, folder, on_event, reserve_bytes, resumes=resumes)
        if failure:
            self._disk.start_failed(failure)
        else:
            self._lock_folder()

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        if not self._disk.may_write():
            return
        try:
            self._disk.check()
            part = self._current_part()
            part.add(answer)
            self._remove_oldest()
        except (OSError, EdgeclsError) as error:
            self._disk.has_failed(error)
            self._close_part()
        else:
            self._disk.goes_on(part.path)

    def _lock_folder(self) -> None:
        """Makes the folder ours, and finds what an earlier run or another disk has left in it.

        Raises:
            BadConfiguration: another process records to it, or it holds another recording.
            OSError: it is not there.
        """
        if self._locked:
            self._locked.close()
        self._locked = LockedFolder(self._folder)
        if self._locked.lock is Lock.THEIRS:
            raise BadConfiguration(
                f"{self._folder}: another edgecls records to it; name another folder, or end the other"
            )
        remove_unfinished(self._folder)
        if not (self._resumes and self._is_continued()):
            check_no_recording(self._folder)
        is_limited = self._max_bytes is not None
        self._parts = deque(_Part.found(path, measure=is_limited) for path in part_folders(self._folder))

    def _is_continued(self) -> bool:
        """Whether the folder holds a recording that goes on: of the same source, model and settings."""
        try:
            before = read_header(self._folder)
        except EdgeclsError:
            return False
        return replace(before, started_at="") == replace(self._header, started_at="")

    def _current_part(self) -> "_Part":
        """Returns the sub-folder for the next frame, a new one if the last is complete."""
        if not self._locked or not self._locked.is_there:  # another disk, or the first one again
            self._close_part()
            self._lock_folder()
        if self._parts and self._parts[-1].is_open and not self._is_complete(self._parts[-1]):
            return self._parts[-1]
        self._close_part()
        if not (self._folder / HEADER_NAME).exists():
            write_whole(self._folder / HEADER_NAME, self._header.to_json().encode(errors="backslashreplace"))
        number = int(self._parts[-1].path.name) + 1 if self._parts else 1
        self._parts.append(_Part.new(self._folder / f"{number:06d}"))
        return self._parts[-1]

    def _is_complete(self, part: "_Part") -> bool:
        is_large = self._max_bytes is not None and part.size_bytes >= self._max_bytes / _PARTS_KEPT
        return is_large or part.frames >= PART_FRAMES

    def _remove_oldest(self) -> None:
        if self._max_bytes is None:
            return
        while len(self._parts) > 1 and sum(part.size_bytes for part in self._parts) > self._max_bytes:
            shutil.rmtree(self._parts.popleft().path)

    def _close_part(self) -> None:
        if self._parts:
            self._parts[-1].close()

    def close(self) -> None:
        """See `Sink.close`.

        Raises:
            OutputFailed, PermissionRefused: what ended the recording early; everything before it is kept.
        """
        self._close_part()
        if self._locked:
            self._locked.close()
        self._disk.close()


class _Part:
    """One sub-folder of a recording, open for frames until it is closed.

    Args:
        path: the sub-folder.
        answers: its file of answers, unbuffered, so that each line is one write; None: it is closed already.
        size_bytes: what it takes on the disk.
    """

    def __init__(self, path: Path, answers: io.FileIO | None, size_bytes: int = 0) -> None:
        self.path = path
        self.frames, self.size_bytes = 0, size_bytes
        self._answers = answers

    @classmethod
    def new(cls, path: Path) -> Self:
        """Makes a sub-folder."""
        path.mkdir()
        return cls(path, (path / ANSWERS_NAME).open("xb", buffering=0))

    @classmethod
    def found(cls, path: Path, *, measure: bool) -> Self:
        """Takes a sub-folder of an earlier run, to be removed when the recording gets too large."""
        size_bytes = sum(_on_disk(file.stat().st_size) for file in path.iterdir()) if measure else 0
        return cls(path, None, size_bytes)

    @property
    def is_open(self) -> bool:
        """Whether frames can be added."""
        return self._answers is not None

    def add(self, answer: Answer) -> None:
        """Writes the frame, and then its line; of a frame that does not fit on the disk nothing stays."""
        assert self._answers  # noqa: S101 - the caller has looked
        jpeg = _jpeg(answer.frame.picture)
        path = self.path / frame_name(answer.frame.sequence)
        line = RecordedAnswer.of(answer, datetime.now(UTC).isoformat(timespec="milliseconds")).to_line()
        if answer.frame.is_frozen and path.exists():  # no frame has come since
            _write(self._answers.fileno(), line)
            self.size_bytes += len(line)
            return
        with path.open("xb", buffering=0) as file:
            try:
                _write(file.fileno(), jpeg)
                _write(self._answers.fileno(), line)
            except OSError:
                with suppress(OSError):
                    path.unlink()
                raise
        self.frames += 1
        self.size_bytes += _on_disk(len(jpeg)) + len(line)

    def close(self) -> None:
        """Closes the file of answers. May be called twice."""
        if self._answers:
            with suppress(OSError):  # its disk is gone
                self._answers.close()
        self._answers = None


def _on_disk(size_bytes: int) -> int:
    return -(-size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


def _jpeg(picture: np.ndarray | bytes) -> bytes:
    """Returns the picture as captured, before `View.apply`, which a replay applies itself."""
    if isinstance(picture, bytes):
        return picture
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _write(descriptor: int, content: bytes) -> None:
    """Appends all of it, or nothing: a disk that is nearly full takes a part."""
    written = os.write(descriptor, content)
    if written < len(content):
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
