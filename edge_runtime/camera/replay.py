"""Runs a model over a recording, as if it had been there, and compares what it announces with what was."""

from pathlib import Path
from types import TracebackType
from typing import Self

from ..classifier import Classifier
from .answer import Answer
from .decision import Decider, SteadyDecider
from .event import OnEvent, ignore
from .frame import Frame
from .loop import Loop
from .recording import RecordedAnswer, Settings, announced_confidence, read_header, recorded_answers
from .replay_report import Difference, ReplayReport
from .roi import parse_roi
from .sink import Sink
from .source import EndOfSource, Source
from .stop import StopRequest
from .view import ROTATIONS, View


def replay(
    folder: Path,
    classifier: Classifier,
    stop: StopRequest,
    on_event: OnEvent = ignore,
    decider: Decider | None = None,
) -> ReplayReport:
    """Classifies every frame of a recording in the camera's own loop, with the times of the recording.

    A damaged frame or line is passed over and counted.

    Args:
        folder: what `FrameRecorder` wrote. One that forgot its oldest frames begins in the middle of things:
            a decider that smooths may need a moment to announce what the recorded one did.
        classifier: the model to judge.
        stop: ends it early; the report then is of what was replayed.
        on_event: told of damaged frames.
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
        frames=done.frames,
        equal=comparison.equal,
        recorded_changes=comparison.recorded_changes,
        replayed_changes=comparison.replayed_changes,
        damaged_frames=done.corrupt_frames,
        damaged_lines=frames.damaged_lines,
        invalid_outputs=done.invalid_outputs,
        encoded_frames=comparison.encoded_frames,
        differences=tuple(comparison.differences),
    )


def _decider(settings: Settings, classifier: Classifier) -> Decider:
    if not settings.is_steady:
        return Decider()
    return SteadyDecider(classifier, settings.smooth_s, settings.hold_s, settings.conf_off)


def _view(settings: Settings) -> View:
    roi = parse_roi(settings.roi) if settings.roi else None
    return View(roi, ROTATIONS[settings.rotate], settings.flip)


class RecordedFrames(Source):
    """Gives every frame of a recording, in order."""

    live = True
    """As its camera was: the loop goes on after a damaged frame."""
    rate_fps = None
    reconnects = 0
    newest: RecordedAnswer
    """What was decided on the frame given last."""

    def __init__(self, folder: Path) -> None:
        self.description = str(folder)
        self.corrupt_frames = self.damaged_lines = 0
        self._waiting = recorded_answers(folder)

    def read(self, timeout_s: float) -> Frame | None:  # noqa: ARG002 - a file does not keep one waiting
        """See `Source.read`."""
        for path, recorded in self._waiting:
            if recorded is None:
                self.damaged_lines += 1
                continue
            try:
                jpeg = path.read_bytes()
            except OSError:
                self.corrupt_frames += 1
                continue
            self.newest = recorded
            return recorded.frame(jpeg)
        raise EndOfSource

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept open."""


class _Comparison(Sink):
    """Compares each answer with the recorded one; equal differences that follow each other become one."""

    def __init__(self, frames: RecordedFrames) -> None:
        self._frames = frames
        self._first_s: float | None = None
        self._last_differed = False
        self.equal = self.recorded_changes = self.replayed_changes = self.encoded_frames = 0
        self.differences: list[Difference] = []

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        recorded = self._frames.newest
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
