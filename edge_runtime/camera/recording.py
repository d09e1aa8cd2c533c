"""A recording: the frames that were classified, as they came, and what was decided on each.

    DIR/recording.json          what was recorded with: source, model, options; see `RecordingHeader`
    DIR/000001/answers.jsonl    one line a frame; see `RecordedAnswer`
    DIR/000001/000000042.jpg    the frame with sequence number 42
    DIR/000002/...              after every thousand frames: a folder of a million files is slow to use

A frame is on the disk before its line is. So whatever ends a recording, every line but the last is whole and
has its frame, save those that a power cut caught before the system had written them out (30 s by default).
"""

import errno
import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

import numpy as np

from ..classifier import Classifier, Prediction
from ..errors import BadConfiguration, BadData, EdgeclsError, MissingInput, writing_failed
from ..files import check_writable, read_whole
from ..images.opencv import cv2
from .answer import Answer, Sink
from .event import Event, OnEvent, ignore
from .frame import Frame
from .outputs.video_file import RESERVE_BYTES
from .view import ROTATIONS

HEADER_NAME = "recording.json"
ANSWERS_NAME = "answers.jsonl"
_VERSION = 1


@dataclass(frozen=True)
class RecordedSettings:
    """The options that decide what is announced, as the command line names them."""

    conf: float | None = None
    """None: the threshold of the model."""
    conf_off: float | None = None
    smooth_s: float = 0.0
    hold_s: float = 0.0
    is_steady: bool = False
    """Decided over time, with a `SteadyDecider`; otherwise each frame for itself."""
    roi: str | None = None
    rotate: str = "0"
    flip: Literal["horizontal", "vertical"] | None = None

    def __post_init__(self) -> None:
        """Checks what may come from a file.

        Raises:
            ValueError: a value of the wrong type.
        """
        numbers, texts = (self.conf, self.conf_off, self.smooth_s, self.hold_s), (self.roi, self.flip)
        _check(
            all(isinstance(number, float | int | None) for number in numbers)
            and all(isinstance(text, str | None) for text in texts)
            and self.rotate in ROTATIONS
        )


@dataclass(frozen=True)
class RecordingHeader:
    """What a recording was made with."""

    source: str
    model: str
    """The file's name."""
    model_sha256: str
    started_at: str
    """Wall clock, ISO 8601 in UTC."""
    settings: RecordedSettings = field(default_factory=RecordedSettings)
    """A replay decides with the same."""
    version: int = _VERSION

    def to_json(self) -> str:
        """The content of `recording.json`."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"


@dataclass(frozen=True)
class RecordedAnswer:
    """What was decided on one frame."""

    sequence: int
    captured_at_s: float
    """`time.monotonic()` of the machine that recorded."""
    at: str
    """Wall clock, ISO 8601 in UTC."""
    label: str | None
    """Of this frame alone; None for "unknown"."""
    ranking: tuple[tuple[str, float], ...]
    """Of this frame alone."""
    announced: str | None
    """The label that was announced after it."""
    confidence: float
    """Of what was announced, 0 to 1."""
    changed: bool
    """Another was announced before."""
    encoded: bool = False
    """The frame came as raw pixels and was encoded here: a replay sees very nearly the same."""
    position_s: float | None = None
    name: str = ""
    truth: str = ""

    @classmethod
    def of(cls, answer: Answer, at: str) -> Self:
        """What is recorded of an answer that was given at `at`."""
        frame, prediction, shown = answer.frame, answer.prediction, answer.decision.shown
        return cls(
            sequence=frame.sequence,
            captured_at_s=frame.captured_at_s,
            at=at,
            label=prediction.label,
            ranking=prediction.ranking,
            announced=shown.label,
            confidence=announced_confidence(shown),
            changed=answer.decision.changed,
            encoded=not isinstance(frame.picture, bytes),
            position_s=frame.position_s,
            name=frame.name,
            truth=frame.truth,
        )

    def to_line(self) -> bytes:
        """One line of JSON; every float is read back as it was."""
        return json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Reads `to_line`.

        Raises:
            ValueError: the line is damaged.
        """
        try:
            values = json.loads(line)
            recorded = cls(**values | {"ranking": tuple((label, p) for label, p in values["ranking"])})
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError("not a recorded answer") from error
        _check(
            isinstance(recorded.sequence, int)
            and all(isinstance(value, float) for value in (recorded.captured_at_s, recorded.confidence))
            and isinstance(recorded.position_s, float | None)
            and isinstance(recorded.announced, str | None)
            and all(isinstance(value, str) for value in (recorded.name, recorded.truth, recorded.at))
        )
        return recorded

    def frame(self, jpeg: bytes) -> Frame:
        """The frame as it was, with its own times."""
        return Frame(jpeg, self.sequence, self.captured_at_s, self.name, self.position_s, self.truth)


def announced_confidence(shown: Prediction) -> float:
    """How sure the announced label is; of "unknown", the best label's confidence."""
    return dict(shown.ranking).get(shown.label or "", shown.confidence)


def frame_name(sequence: int) -> str:
    """The file name of a frame."""
    return f"{sequence:09d}.jpg"


def read_header(folder: Path) -> RecordingHeader:
    """Reads what a recording was made with.

    Raises:
        MissingInput, BadData, PermissionRefused: not a recording, or one that cannot be read.
    """
    path = folder / HEADER_NAME
    if not path.is_file():
        raise MissingInput(f"{folder}: no recording: {HEADER_NAME} is not in it; name what --record wrote")
    try:
        values = json.loads(read_whole(path))
        header = RecordingHeader(**values | {"settings": RecordedSettings(**values["settings"])})
    except (ValueError, TypeError, KeyError) as error:
        raise BadData(f"{path}: not the head of a recording; check what it is") from error
    if header.version != _VERSION:
        raise BadData(f"{path}: recorded by a newer edgecls (format {header.version}); update this one")
    return header


def _check(holds: bool) -> None:
    if not holds:
        raise ValueError("not a recorded answer")


def recorded_answers(folder: Path) -> Iterator[tuple[Path, RecordedAnswer | None]]:
    """Every frame's path with what was decided on it, in order; (the file, None) for a damaged line."""
    parts = sorted(path for path in folder.iterdir() if path.name.isdecimal())
    for part in parts:
        path = part / ANSWERS_NAME
        if not path.is_file():  # the power went between making the folder and its first line
            continue
        with path.open("rb") as lines:
            for line in lines:
                try:
                    recorded = RecordedAnswer.from_line(line)
                except ValueError:
                    yield path, None
                else:
                    yield part / frame_name(recorded.sequence), recorded


# Records the frames of a camera loop and what was decided on them, for `--replay`; see recording.py.

PART_FRAMES = 1000
"""In one folder."""
_PARTS_KEPT = 8
"""Of a recording with a limit, about: when the oldest goes, so does an eighth."""
_JPEG_QUALITY = 95
"""For frames that did not come as JPEG."""
_BLOCK_BYTES = 4096
"""Files take whole blocks of a disk."""


class FrameRecorder(Sink):
    """Writes frames and decisions into a folder of their own.

    When nothing more can be written, because the disk is full or broken, that is an event: the recording ends
    there, the loop goes on, and `close` raises what happened.

    Args:
        folder: without a recording; made where it is not there yet.
        header: what it is recorded with; see `new_header`.
        on_event: told when the recording ends before the loop.
        max_bytes: of disk; over it the oldest frames are removed. None: as much as there is.
        reserve_bytes: of the disk that stay free.

    Raises:
        BadConfiguration: the folder holds a recording already.
        OutputFailed, PermissionRefused: nothing can be written there.
    """

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
        if any(path.name == HEADER_NAME or path.name.isdecimal() for path in folder.iterdir()):
            raise BadConfiguration(f"{folder}: holds a recording already; record into another folder")
        self._folder = folder
        self._header = header
        self._on_event = on_event
        self._max_bytes = max_bytes
        self._reserve_bytes = reserve_bytes
        self._parts: deque[_Part] = deque()
        self._made = 0
        self._failure: EdgeclsError | None = None

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        if self._failure:
            return
        try:
            if shutil.disk_usage(self._folder).free < self._reserve_bytes:
                raise _disk_full()
            self._part().add(answer)
            self._forget_oldest()
        except OSError as error:
            self._end(error, writing_failed(self._folder, error))

    def _part(self) -> "_Part":
        """The folder for the next frame."""
        if self._parts and not self._is_complete(self._parts[-1]):
            return self._parts[-1]
        if self._parts:
            self._parts[-1].close()
        else:
            (self._folder / HEADER_NAME).write_text(self._header.to_json())
        self._made += 1
        self._parts.append(_Part(self._folder / f"{self._made:06d}"))
        return self._parts[-1]

    def _is_complete(self, part: "_Part") -> bool:
        is_large = self._max_bytes is not None and part.size_bytes >= self._max_bytes / _PARTS_KEPT
        return is_large or part.frames >= PART_FRAMES

    def _forget_oldest(self) -> None:
        if self._max_bytes is None:
            return
        while len(self._parts) > 1 and sum(part.size_bytes for part in self._parts) > self._max_bytes:
            shutil.rmtree(self._parts.popleft().path)

    def _end(self, cause: OSError, failure: EdgeclsError) -> None:
        self._failure = failure
        if cause.errno in (errno.ENOSPC, errno.EDQUOT):
            self._on_event(Event("disk_full", f"the disk is full; the recording {self._folder} ends here"))
        else:
            self._on_event(Event("record_failed", f"the recording ends here: {failure}"))

    def close(self) -> None:
        """See `Sink.close`.

        Raises:
            OutputFailed, PermissionRefused: what ended the recording early; it holds all until then.
        """
        if self._parts:
            self._parts[-1].close()
        failure, self._failure = self._failure, None
        if failure:
            raise failure


class _Part:
    """One folder of a recording, open for frames until it is closed."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        self.path = path
        self.frames = self.size_bytes = 0
        self._answers = (path / ANSWERS_NAME).open("xb", buffering=0)  # so that each line is one write

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
        """No more frames come; calling it twice is allowed."""
        self._answers.close()


def new_header(source: str, classifier: Classifier, settings: RecordedSettings) -> RecordingHeader:
    """The header of a recording that starts now.

    Raises:
        EdgeclsError: the model's file cannot be read any more.
    """
    digest = hashlib.sha256(read_whole(classifier.path)).hexdigest()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return RecordingHeader(source, classifier.path.name, digest, now, settings)


def _jpeg(picture: np.ndarray | bytes) -> bytes:
    """As the camera gave it: not turned as people see it, for a replay turns it again."""
    if isinstance(picture, bytes):
        return picture
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _write(descriptor: int, content: bytes) -> None:
    if os.write(descriptor, content) < len(content):  # what a disk does just before it is full
        raise _disk_full()


def _disk_full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
