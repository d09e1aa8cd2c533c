"""A recording: the frames that were classified, as they came, and what was decided on each.

    DIR/recording.json          what was recorded with: source, model, options; see `Header`
    DIR/000001/answers.jsonl    one line a frame; see `RecordedAnswer`
    DIR/000001/000000042.jpg    the frame with sequence number 42
    DIR/000002/...              after every thousand frames: a folder of a million files is slow to use

A frame is on the disk before its line is. So whatever ends a recording, every line but the last is whole and
has its frame, save those that a power cut caught before the system had written them out (30 s by default).
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Self

from ..errors import BadData, MissingInput
from ..files import read_whole
from ..prediction import Prediction
from .answer import Answer
from .frame import Frame
from .view import ROTATIONS

HEADER_NAME = "recording.json"
ANSWERS_NAME = "answers.jsonl"
_VERSION = 1


@dataclass(frozen=True)
class Settings:
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
class Header:
    """What a recording was made with."""

    source: str
    model: str
    """The file's name."""
    model_sha256: str
    started_at: str
    """Wall clock, ISO 8601 in UTC."""
    settings: Settings = field(default_factory=Settings)
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


def read_header(folder: Path) -> Header:
    """Reads what a recording was made with.

    Raises:
        MissingInput, BadData, PermissionRefused: not a recording, or one that cannot be read.
    """
    path = folder / HEADER_NAME
    if not path.is_file():
        raise MissingInput(f"{folder}: no recording: {HEADER_NAME} is not in it; name what --record wrote")
    try:
        values = json.loads(read_whole(path))
        header = Header(**values | {"settings": Settings(**values["settings"])})
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
