"""Recording: a folder with the frames that were classified, as captured, and what was decided on each.

    DIR/recording.json          source, model and options; see `RecordingHeader`
    DIR/000001/answers.jsonl    one line for each frame; see `RecordedAnswer`
    DIR/000001/000000042.jpg    the frame with sequence number 42
    DIR/000002/...              a new folder after every thousand frames: large folders are slow

`outputs/frame_folder.py` writes it, `replay.py` runs a model over it. A frame is written before its line. So
however a recording ends, every line but the last is whole and has its frame, except for those that the system
had not written out yet when the power was cut (30 s by default). A camera that runs unattended goes on in a
new sub-folder after a restart, where sequence numbers begin again and the monotonic clock may do so.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self

from ..classifier import Classifier
from ..errors import BadConfiguration, BadData, MissingInput, UsageError
from ..files import MODEL_BYTES, TEXT_BYTES, read_whole
from ..images.jpeg_header import is_whole
from ..models.model_file import content_sha256
from ..prediction import Prediction
from ..schema import Range, Raw, checked, parse_json
from ..text import readable
from .answer import Answer
from .frame import Frame
from .options import Flip, Rotation
from .region import parse_roi

HEADER_NAME = "recording.json"
ANSWERS_NAME = "answers.jsonl"
_VERSION = 1
_MOST_LINE_BYTES = 4_000_000
"""Of a frame's line: a ranking of all labels that a model may have."""

Share = Annotated[float, Range(0, 1.001)]
"""A probability; rounding may add a little."""
Seconds = Annotated[float, Range(0, 1e10)]


@dataclass(frozen=True)
class RecordedSettings:
    """The camera options that decide what is announced, named as on the command line."""

    conf: Share | None = None
    """None: the model's threshold."""
    conf_off: Share | None = None
    smooth_s: Annotated[float, Range(0, 1e6)] = 0.0
    hold_s: Annotated[float, Range(0, 1e6)] = 0.0
    is_steady: bool = False
    """Whether decisions are made over time, by a `SteadyDecider`, or on each frame alone."""
    roi: str | None = None
    rotate: Rotation = "0"
    flip: Flip | None = None


@dataclass(frozen=True)
class RecordingHeader:
    """What a recording was made with."""

    source: str
    model: str
    """The name of its file."""
    model_sha256: str
    started_at: str
    """Wall clock, ISO 8601 in UTC."""
    settings: RecordedSettings = field(default_factory=RecordedSettings)
    """A replay uses the same."""
    version: Annotated[int, Range(1)] = _VERSION

    def to_json(self) -> str:
        """Returns the content of `recording.json`."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"


@dataclass(frozen=True)
class RecordedAnswer:
    """One line of a recording: what was decided on one frame."""

    sequence: Annotated[int, Range(0)]
    captured_at_s: Seconds
    """`time.monotonic()` of the machine that recorded."""
    at: str
    """Wall clock, ISO 8601 in UTC."""
    label: str | None
    """Of this frame alone; None for "unknown"."""
    ranking: tuple[tuple[str, Share], ...]
    """Of this frame alone: (label, probability 0 to 1), best first."""
    announced: str | None
    """The label announced after this frame."""
    confidence: Share
    """Of the announced label, 0 to 1."""
    changed: bool
    """Another label was announced before this frame."""
    encoded: bool = False
    """The frame came as raw pixels and was encoded for the recording: a replay sees nearly the same."""
    position_s: Seconds | None = None
    name: Annotated[str, Raw] = ""
    """A picture's path."""
    truth: str = ""
    frozen: bool = False
    """See `Frame.is_frozen`."""

    @classmethod
    def of(cls, answer: Answer, at: str) -> Self:
        """Returns the line for an answer that was given at the wall-clock time `at`."""
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
            frozen=frame.is_frozen,
        )

    def to_line(self) -> bytes:
        """Returns one line of JSON, from which every float is read back exactly."""
        values = asdict(self)
        if not self.frozen:
            del values["frozen"]
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Parses a line of `to_line`.

        Raises:
            ValueError: the line is damaged.
        """
        try:
            return checked(cls, parse_json(line), only_known=True)
        except ValueError as error:
            raise ValueError(f"not a recorded answer: {error}") from error

    def frame(self, jpeg: bytes) -> Frame:
        """Returns the frame as it was, with its original times."""
        frame = Frame(jpeg, self.sequence, self.captured_at_s, self.name, self.position_s, self.truth)
        return replace(frame, is_frozen=self.frozen is True)


def announced_confidence(shown: Prediction) -> float:
    """Returns the confidence of the announced label; for "unknown", that of the best label."""
    return dict(shown.ranking).get(shown.label or "", shown.confidence)


def frame_name(sequence: int) -> str:
    """Returns the file name of a frame."""
    return f"{sequence:09d}.jpg"


def new_header(source: str, classifier: Classifier, settings: RecordedSettings) -> RecordingHeader:
    """Returns the header of a recording that starts now.

    Raises:
        EdgeclsError: the model file cannot be read any more.
    """
    digest = content_sha256(read_whole(classifier.path, MODEL_BYTES))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return RecordingHeader(readable(source), readable(classifier.path.name), digest, now, settings)


def check_no_recording(folder: Path) -> None:
    """Checks that a folder holds no recording that a new one would mix with.

    Raises:
        BadConfiguration: it holds one.
    """
    if any(path.name == HEADER_NAME or path.name.isdecimal() for path in folder.iterdir()):
        raise BadConfiguration(f"{folder}: holds a recording already; record into another folder")


def read_header(folder: Path) -> RecordingHeader:
    """Reads the header of a recording.

    Raises:
        MissingInput, BadData, PermissionRefused: not a recording, or one that cannot be read.
    """
    path = folder / HEADER_NAME
    if not path.is_file():
        raise MissingInput(f"{folder}: not a recording (no {HEADER_NAME}); give a folder written by --record")
    try:
        header = checked(RecordingHeader, parse_json(read_whole(path, TEXT_BYTES)), only_known=True)
        if header.settings.roi:
            parse_roi(header.settings.roi)
    except (ValueError, UsageError) as error:
        raise BadData(f"{path}: not the header of a recording: {error}; check what it is") from error
    if header.version != _VERSION:
        raise BadData(f"{path}: recorded by a newer edgecls (format {header.version}); update this one")
    return header


def part_folders(folder: Path) -> list[Path]:
    """Returns the sub-folders of a recording, in order."""
    return sorted(path for path in folder.iterdir() if path.name.isdecimal())


def remove_unfinished(folder: Path) -> None:
    """Removes what a killed process or a power cut has left half written: the last frame, or its line.

    Raises:
        OSError: the recording cannot be read or written.
    """
    for part in part_folders(folder)[-1:]:
        lines = part / ANSWERS_NAME
        content = lines.read_bytes() if lines.exists() else b""
        whole_bytes = content.rfind(b"\n") + 1
        if whole_bytes < len(content):
            os.truncate(lines, whole_bytes)
        named = {path for path, _ in _answers_in(part)}
        for frame in set(part.glob("*.jpg")) - named:
            if frame.is_file() and not is_whole(frame.read_bytes()):
                frame.unlink()


def recorded_answers(folder: Path) -> Iterator[tuple[Path, RecordedAnswer | None]]:
    """Yields each frame's path and its line, in order; (the file of lines, None) for a damaged line."""
    for part in part_folders(folder):
        yield from _answers_in(part)


def _answers_in(part: Path) -> Iterator[tuple[Path, RecordedAnswer | None]]:
    path = part / ANSWERS_NAME
    if not path.is_file():  # the power was cut between making the folder and its first line
        return
    with path.open("rb") as lines:
        while line := lines.readline(_MOST_LINE_BYTES):
            try:
                recorded = RecordedAnswer.from_line(line)
            except ValueError:
                yield path, None
            else:
                yield part / frame_name(recorded.sequence), recorded
