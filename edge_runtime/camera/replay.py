"""Replay: runs a model over a recording, and compares what it announces with what was announced.

It shows whether another model or threshold would have done better on a device, without the device.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..classifier import Classifier
from ..errors import EdgeclsError
from ..files import PICTURE_BYTES, read_whole
from ..text import printable
from ..text_table import table
from .answer import Answer, Sink
from .control import StopRequest
from .decision import Decider, SteadyDecider
from .event import OnEvent, ignore
from .frame import Frame
from .loop import Loop
from .recording import RecordedAnswer, RecordedSettings, announced_confidence, read_header, recorded_answers
from .region import parse_roi
from .sources.source import EndOfSource, Source
from .view import ROTATIONS, View


def replay_recording(
    folder: Path,
    classifier: Classifier,
    stop: StopRequest,
    on_event: OnEvent = ignore,
    decider: Decider | None = None,
) -> "ReplayReport":
    """Classifies every frame of a recording in the camera loop, with the times of the recording.

    Damaged frames and lines are skipped and counted.

    Args:
        folder: written by `FrameRecorder`. If its oldest frames were removed, a decider that smooths may need
            a moment to announce what the recorded one did.
        classifier: the model to compare.
        stop: ends the replay early; the report then covers the frames until then.
        on_event: gets an event for damaged frames.
        decider: None: one with the settings of the recording.

    Raises:
        MissingInput, BadData, PermissionRefused: not a recording, or one that cannot be read.
    """
    header = read_header(folder)
    frames = RecordedFrames(folder)
    comparison = _Comparison(frames)
    loop = Loop(
        classifier,
        [comparison],
        view=_view(header.settings),
        decider=decider or _decider(header.settings, classifier),
        stop=stop,
        on_event=lambda event: None if event.kind == "label_changed" else on_event(event),
    )
    done = loop.run(frames)
    if done.failure:
        raise done.failure
    return ReplayReport(
        recorded_model=header.model,
        replayed_model=classifier.path.name,
        frames=comparison.frames,
        equal=comparison.equal,
        recorded_changes=comparison.recorded_changes,
        replayed_changes=comparison.replayed_changes,
        damaged_frames=done.corrupt_frames,
        damaged_lines=frames.damaged_lines,
        invalid_outputs=done.invalid_outputs,
        encoded_frames=comparison.encoded_frames,
        differences=tuple(comparison.differences),
    )


def _decider(settings: RecordedSettings, classifier: Classifier) -> Decider:
    if not settings.is_steady:
        return Decider()
    return SteadyDecider(classifier, settings.smooth_s, settings.hold_s, settings.conf_off)


def _view(settings: RecordedSettings) -> View:
    roi = parse_roi(settings.roi) if settings.roi else None
    return View(roi, ROTATIONS[settings.rotate], settings.flip)


RESTART_S = 60.0
"""Between two frames of a recording while the machine started anew; nobody knows how long it was."""


class RecordedFrames(Source):
    """Source of the frames of a recording, in order."""

    live = True
    """As its camera was, so that the loop continues after a damaged frame."""
    rate_fps = None
    reconnects = 0
    newest: RecordedAnswer
    """The line of the frame that was read last."""

    def __init__(self, folder: Path) -> None:
        self.description = str(folder)
        self.corrupt_frames = self.damaged_lines = 0
        self._last_s = self._shift_s = 0.0
        self._rest = recorded_answers(folder)

    def read(self, timeout_s: float) -> Frame | None:  # noqa: ARG002 - frames are there at once
        """See `Source.read`."""
        for path, recorded in self._rest:
            if recorded is None:
                self.damaged_lines += 1
                continue
            try:
                jpeg = read_whole(path, PICTURE_BYTES)
            except EdgeclsError:
                self.corrupt_frames += 1
                continue
            self.newest = recorded
            return self._in_time(recorded.frame(jpeg))
        raise EndOfSource

    def _in_time(self, frame: Frame) -> Frame:
        """Puts a frame after the one before: the clock begins again when a machine that recorded restarts."""
        if frame.captured_at_s + self._shift_s < self._last_s:
            self._shift_s = self._last_s + RESTART_S - frame.captured_at_s
        self._last_s = frame.captured_at_s + self._shift_s
        return replace(frame, captured_at_s=self._last_s) if self._shift_s else frame

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Does nothing: no file stays open."""


class _Comparison(Sink):
    """Compares each answer with the recorded one, and joins equal differences on consecutive frames."""

    def __init__(self, frames: RecordedFrames) -> None:
        self._frames = frames
        self._first_s: float | None = None
        self._last_differed = False
        self.frames = self.equal = self.recorded_changes = self.replayed_changes = self.encoded_frames = 0
        self.differences: list[Difference] = []

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        recorded = self._frames.newest
        self.frames += 1
        self.recorded_changes += recorded.changed
        self.replayed_changes += answer.decision.changed
        self.encoded_frames += recorded.encoded
        if self._first_s is None:
            self._first_s = answer.frame.time_s
        shown = answer.decision.shown
        if shown.label == recorded.announced:
            self.equal += 1
            self._last_differed = False
            return
        difference = Difference(
            first_sequence=recorded.sequence,
            last_sequence=recorded.sequence,
            frames=1,
            start_s=answer.frame.time_s - self._first_s,
            at=recorded.at,
            recorded=recorded.announced,
            recorded_confidence=recorded.confidence,
            replayed=shown.label,
            replayed_confidence=announced_confidence(shown),
        )
        before = self.differences[-1] if self._last_differed else None
        if before is not None and difference.continues(before):
            self.differences[-1] = before.joined(difference)
        else:
            self.differences.append(difference)
        self._last_differed = True


SHOWN_DIFFERENCES = 50
"""Rows of the table; the JSON holds every difference."""


@dataclass(frozen=True)
class Difference:
    """Consecutive frames on which recording and replay announced the same two different labels."""

    first_sequence: int
    last_sequence: int
    frames: int
    start_s: float
    """Time of the first frame since the start of the recording."""
    at: str
    """Wall clock of the first frame, ISO 8601 in UTC."""
    recorded: str | None
    """The label announced in the recording; None for "unknown"."""
    recorded_confidence: float
    """Mean over the frames, 0 to 1."""
    replayed: str | None
    """The label announced in the replay; None for "unknown"."""
    replayed_confidence: float
    """Mean over the frames, 0 to 1."""

    def continues(self, before: Self) -> bool:
        """Whether it has the same labels as the difference before it."""
        return (self.recorded, self.replayed) == (before.recorded, before.replayed)

    def joined(self, after: Self) -> Self:
        """Returns this difference joined with the one that continues it."""
        frames = self.frames + after.frames

        def mean(mine: float, other: float) -> float:
            return (mine * self.frames + other * after.frames) / frames

        return replace(
            self,
            last_sequence=after.last_sequence,
            frames=frames,
            recorded_confidence=mean(self.recorded_confidence, after.recorded_confidence),
            replayed_confidence=mean(self.replayed_confidence, after.replayed_confidence),
        )


@dataclass(frozen=True)
class ReplayReport:
    """Result of a replay."""

    recorded_model: str
    replayed_model: str
    frames: int
    """Frames that were replayed and compared."""
    equal: int
    """Frames with the same announced label."""
    recorded_changes: int
    """How often the announced label changed in the recording."""
    replayed_changes: int
    """How often it changed in the replay."""
    damaged_frames: int
    """Frames that are missing or truncated: skipped."""
    damaged_lines: int
    """Lines that cannot be read: skipped."""
    invalid_outputs: int
    """Frames for which the replayed network gave NaN or infinity."""
    encoded_frames: int
    """Frames that came as raw pixels and were recorded as JPEG."""
    differences: tuple[Difference, ...]

    @property
    def text(self) -> str:
        """The table of differences and the summary, for people."""
        parts = [_table(self.differences)] if self.differences else []
        hidden = len(self.differences) - SHOWN_DIFFERENCES
        if hidden > 0:
            parts.append(f"and {hidden:,} more; --json lists them all")
        return "\n".join([*parts, *self._summary()])

    def _summary(self) -> list[str]:
        share = f", {self.equal / self.frames:.1%} with the same label" if self.frames else ""
        lines = [
            f"{self.recorded_model} -> {self.replayed_model}: {self.frames:,} frames{share}",
            f"label changes: {self.recorded_changes:,} recorded, {self.replayed_changes:,} replayed",
        ]
        if self.damaged_frames or self.damaged_lines:
            lines.append(
                f"skipped: {self.damaged_frames:,} damaged frames, {self.damaged_lines:,} damaged lines"
            )
        if self.invalid_outputs:
            lines.append(f"{self.invalid_outputs:,} frames with an invalid output")
        if self.encoded_frames:
            lines.append(
                f"{self.encoded_frames:,} frames came as raw pixels and were recorded as JPEG, "
                "which alone can change a close decision"
            )
        return lines

    def to_json(self) -> dict[str, Any]:
        """Returns the report as values for JSON."""
        return asdict(self)


def _table(differences: tuple[Difference, ...]) -> str:
    rows = [
        (
            _hours(difference.start_s),
            _frames(difference),
            _announced(difference.recorded, difference.recorded_confidence),
            _announced(difference.replayed, difference.replayed_confidence),
        )
        for difference in differences[:SHOWN_DIFFERENCES]
    ]
    return table(("time", "frames", "recorded", "replayed"), rows) + "\n"


def _hours(seconds: float) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{seconds:04.1f}"


def _frames(difference: Difference) -> str:
    if difference.frames == 1:
        return str(difference.first_sequence)
    return f"{difference.first_sequence}-{difference.last_sequence} ({difference.frames})"


def _announced(label: str | None, confidence: float) -> str:
    return f"{printable(label or 'unknown')} {confidence:.1%}"
