"""Video file as a source: every frame in order, or in real time as from a camera."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from ...errors import BadImage, reading_failed
from ...images.opencv import cv2, path_for_cv2
from ...images.several import is_jpeg_run
from ...leaving import note_stuck
from ..frame import Frame
from .memory import MemoryRoom, check_size
from .mjpeg_file import JpegPackets, JpegRun
from .source import EndOfSource, Source
from .waiting import NotYet, Waiting

_HEAD_BYTES = 1024
_UNKNOWN_RATE_FPS = 25.0
_DAMAGED_AT_ONCE = 20
"""So many damaged frames in a row are passed over before who reads may see whether to stop."""
_WAIT_S, _MOST_WAITS = 1.5, 40
"""How long a frame is waited for before who reads may see whether to stop; and how often."""
_MAX_STEP_S = 10.0
"""Between two frames. A longer step in the container's time stamps is an error in them."""
_MAX_LATE_S = 2.0
"""A video that is later than this continues from where it is: a slow computer might never catch up."""


class Video(Source):
    """Reads a video file, one frame at a time.

    If its resolution changes, OpenCV scales to that of the first frame.

    Args:
        path: the file.
        realtime: whether it plays at its own rate from the first read on, and skips the frames that are due
            while nobody reads; otherwise each read returns the next frame at once.
        clock: monotonic seconds.
        sleep: waits for a number of seconds of that clock.
    """

    live = False
    reconnects = 0

    def __init__(
        self,
        path: Path,
        *,
        realtime: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.description = str(path)
        self.rate_fps: float | None = None
        self.corrupt_frames = 0
        self._path = path
        self._capture: cv2.VideoCapture | JpegRun | JpegPackets | None = None
        self._stated_frames = 0
        self._read_frames = 0
        self._realtime = realtime
        self._clock = clock
        self._sleep = sleep
        self._started_at_s: float | None = None  # when position 0 was due
        self._position_s = 0.0  # of the last decoded frame
        self._is_pending = False  # that frame was not due yet
        self._grab: Waiting[bool] | None = None
        self._waits = 0

    def read(self, timeout_s: float) -> Frame | None:
        """See `Source.read`.

        Raises:
            EndOfSource: there are no more frames.
            BadImage: the file is truncated, or has damaged frames, and every other frame was read; or a frame
                takes too long to decode.
        """
        for _ in range(_DAMAGED_AT_ONCE):
            if not self._is_pending:
                try:
                    self._advance()
                except NotYet:
                    return None
            due_at_s = self._wait_until_due(timeout_s) if self._realtime else self._clock()
            self._is_pending = due_at_s is None
            if due_at_s is None:
                break
            pixels = self._pixels()
            if pixels is not None:
                return Frame(pixels, self._read_frames, due_at_s, position_s=self._position_s)
            self.corrupt_frames += 1
        return None

    def _advance(self) -> None:
        """Goes to the next frame; in real time, past those that are over."""
        self._decode()
        if self._started_at_s is None:
            self._started_at_s = self._clock() - self._position_s
        if not self._realtime:
            return
        now_s = self._clock() - self._started_at_s
        if now_s - self._position_s > _MAX_LATE_S:
            self._started_at_s += now_s - self._position_s
            return
        while self._position_s + self._interval_s <= now_s:
            self._decode()

    def _wait_until_due(self, timeout_s: float) -> float | None:
        """Waits for the frame; returns when it was due (monotonic seconds), or None after the timeout."""
        due_at_s = (self._started_at_s or 0.0) + self._position_s
        rest_s = due_at_s - self._clock()
        self._sleep(max(0.0, min(rest_s, timeout_s)))
        return due_at_s if rest_s <= timeout_s else None

    def _decode(self) -> None:
        try:
            given = self._grab is not None and self._grab()
        except NotYet:
            self._waits += 1
            if self._waits > _MOST_WAITS:
                limit_s, number = _MOST_WAITS * _WAIT_S, self._read_frames + 1
                raise BadImage(
                    f"{self._path}: frame {number} takes more than {limit_s:g} s to decode; copy it again"
                ) from None
            raise
        except cv2.error as error:  # such as a frame that does not fit in memory
            raise self._undecodable(self._read_frames + 1) from error
        self._waits = 0
        if not given or self._capture is None:
            raise self._end()
        stated_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        expected_s = self._position_s + self._interval_s if self._read_frames else 0.0
        is_first, is_later = not self._read_frames, self._position_s < stated_s
        is_valid = (is_first or is_later) and 0 <= stated_s - self._position_s <= _MAX_STEP_S
        self._position_s = stated_s if is_valid else expected_s
        self._read_frames += 1

    def _pixels(self) -> np.ndarray | None:
        """Decodes the frame; None if it is damaged, and FFmpeg does not decode it."""
        try:
            given, pixels = self._capture.retrieve() if self._capture else (False, None)
        except cv2.error as error:
            raise self._undecodable(self._read_frames) from error
        if not given:
            self._read_frames -= 1
            raise self._end()
        return pixels

    @property
    def _interval_s(self) -> float:
        return 1 / (self.rate_fps or _UNKNOWN_RATE_FPS)

    def _undecodable(self, number: int) -> BadImage:
        return BadImage(f"{self._path}: frame {number} cannot be decoded; copy it again")

    def _end(self) -> Exception:
        stated = f" of {self._stated_frames}" if self._stated_frames > 0 else ""
        is_short = not stated or self._read_frames < self._stated_frames
        whole_frames = self._read_frames - self.corrupt_frames
        cut = self._capture.is_truncated if isinstance(self._capture, JpegRun) else is_truncated(self._path)
        if is_short and cut:
            return BadImage(
                f"{self._path}: read {whole_frames}{stated} frames: the file is truncated; copy it again"
            )
        if self.corrupt_frames:
            return BadImage(
                f"{self._path}: {self.corrupt_frames:,} of {self._read_frames:,} frames are damaged and were "
                "left out; copy it again"
            )
        return EndOfSource() if self._read_frames else _unreadable(self._path)

    def __enter__(self) -> Self:
        """Opens the file.

        Raises:
            BadImage: not a video that OpenCV can read.
            MissingInput, PermissionRefused: it cannot be read.
        """
        if _is_text(self._path):
            raise _unreadable(self._path)
        if is_jpeg_run(self._path):
            self._capture = JpegRun(self._path)
        else:
            # FFmpeg takes "a:b.avi" for a URL of scheme "a"; an absolute path has none.
            path = path_for_cv2(self._path.absolute())
            # One thread: with more, FFmpeg decodes ahead between two grabs, outside the room for its memory.
            decoded = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
            if decoded.isOpened():
                check_size(decoded, str(self._path))
            self._capture = JpegPackets.open(path, decoded) or decoded
        if not self._capture.isOpened():
            raise _unreadable(self._path)
        self._grab = Waiting(_within_room(self._capture), _WAIT_S)
        self._stated_frames = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.rate_fps = stated_rate_fps(self._capture)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._grab is not None and self._capture is not None:
            self._grab.close()
            if self._grab.is_busy:  # the thread has it until this process ends
                note_stuck(str(self._path))
            else:
                self._capture.release()
        self._capture = self._grab = None


def _within_room(capture: cv2.VideoCapture | JpegRun | JpegPackets) -> Callable[[], bool]:
    """Returns what goes to the next frame, and gets no more memory than frames of a sane size take."""
    room = MemoryRoom()

    def grab() -> bool:
        with room:
            return capture.grab()

    return grab


def stated_rate_fps(capture: cv2.VideoCapture | JpegRun | JpegPackets) -> float | None:
    """Returns the frame rate that an open video or camera states; None if it is not plausible."""
    rate_fps = capture.get(cv2.CAP_PROP_FPS)
    return rate_fps if 0 < rate_fps < 1000 else None  # FFmpeg gives 1000 for a clock in milliseconds


def _is_text(path: Path) -> bool:
    """Whether a file is plain text, which FFmpeg would render, or follow as a list of other files."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise reading_failed(path, error) from error
    if head.startswith(b"YUV4MPEG2"):  # uncompressed: a line of text, then pixels that may look like text
        return False
    return not any(byte < 0x20 and byte not in b"\t\n\r\f\x1b" for byte in head)


def _unreadable(path: Path) -> BadImage:
    return BadImage(f"{path}: not a readable video; check that it plays, or copy it again")


_EBML_HEADER, _EBML_SEGMENT = 0x1A45DFA3, 0x18538067


def is_truncated(path: Path) -> bool:
    """Whether an AVI, MP4, MOV, MKV or WebM states more bytes than it has.

    False for other containers (MPEG, FLV, WMV, raw streams), and for those without a size, whose writer could
    not go back to fill it in.

    Sizes are exact, numbers of frames are not: valid files hold fewer frames than they state. Measured: an
    MP4 trimmed without encoding, 78 of 120 (an edit list hides the rest); an AVI, MKV or WebM of variable
    frame rate, 38 of 120 (empty chunks and the duration are counted); a short WMV, 1 of 33.
    """
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(0)
        if start[:4] == b"RIFF":
            end = _riff_end(file, size_bytes)
        elif start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            end = _iso_media_end(file, size_bytes)
        elif start[:4] == _EBML_HEADER.to_bytes(4, "big"):
            end = _matroska_end(file)
        else:
            end = 0
    return end > size_bytes


def _riff_end(file: BinaryIO, size_bytes: int) -> int:
    """Returns the end of the last RIFF chunk; a file over 1 GB has several (OpenDML)."""
    end = 0
    while end < size_bytes:
        file.seek(end)
        header = file.read(8)
        length = int.from_bytes(header[4:], "little")
        if header[:4] != b"RIFF" or length in (0, 0xFFFFFFFF):  # trailing bytes, or a writer that was stopped
            break
        end += 8 + length
    return end


def _iso_media_end(file: BinaryIO, size_bytes: int) -> int:
    """Returns the end of the last box at the top level (ISO/IEC 14496-12, section 4.2)."""
    end = 0
    while end + 8 <= size_bytes:
        file.seek(end)
        length = int.from_bytes(file.read(4), "big")
        kind = file.read(4)
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        if length < 8 or not kind.isalnum():  # 0 means "to the end of the file"; else trailing bytes
            break
        end += length
    return end


def _matroska_end(file: BinaryIO) -> int:
    """Returns the end of the segment, or 0 if its size is unknown (RFC 8794, sections 4 and 5)."""
    header_size = _ebml_element(file, _EBML_HEADER)
    if header_size is None:
        return 0
    file.seek(header_size, os.SEEK_CUR)
    segment_size = _ebml_element(file, _EBML_SEGMENT)
    return 0 if segment_size is None else file.tell() + segment_size


def _ebml_element(file: BinaryIO, identifier: int) -> int | None:
    """Returns the size of the next element; None if it is another element, or states no size."""
    if file.read(4) != identifier.to_bytes(4, "big"):
        return None
    first = file.read(1)
    if first in (b"", b"\0"):
        return None
    length_bytes = 9 - first[0].bit_length()  # the leading zeros give the number of bytes
    value_bits = 7 * length_bytes
    size = int.from_bytes(first + file.read(length_bytes - 1), "big") & (1 << value_bits) - 1
    return None if size == (1 << value_bits) - 1 else size  # all ones: unknown
