"""Measuring model files side by side: all take turns, step by step."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..data.answers import answers_nothing, order_note, weak_answers
from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.files import scratch_folder
from ..edge_runtime.models.card import Provenance
from ..edge_runtime.models.model_file import ModelFile, ModelFormat, read_model
from ..edge_runtime.prediction import calibrate
from .accuracy import AccuracyReport, score
from .earlier import EarlierReport, card_reference, keras_references
from .file_report import (
    KERAS,
    Answers,
    BenchSettings,
    ColdStart,
    FileReport,
    KerasReference,
    LatencyReport,
    LoadReport,
    Window,
    to_answers,
)
from .leaks import find_leaks
from .machine import read_machine, read_state, timestamp
from .model_files import ModelFiles
from .peers import installed_peers
from .report import BenchReport
from .selective import SelectiveReport, selective
from .test_images import HeldOut, HeldOutFiles, check_finite, check_scorable
from .turns import AT_ONCE, Grouping, grouped, places_of, take_turns
from .worker import measure_cold_start, timed_file


@dataclass
class Subject:
    """A file while it is measured. An error ends its measurements, not those of the others."""

    path: Path
    models: ModelFiles | None = None
    """What has read it; None where nobody else reads it."""
    model: ModelFile | None = None
    load: LoadReport | None = None
    probabilities: np.ndarray | None = None
    """float32 (N, C), of all test images."""
    windows: list[Window] = field(default_factory=list)
    cold_starts: list[ColdStart] = field(default_factory=list)
    error: EdgeclsError | None = None
    peer: str = ""
    """Another engine by name, for a file whose own is measured too."""

    def read(self) -> ModelFile:
        """Reads the file, and keeps it."""
        self.model = self.models.read(self.path) if self.models else read_model(self.path)
        return self.model


def measure(
    subject: Subject,
    tests: HeldOut,
    files: HeldOutFiles,
    settings: BenchSettings,
    on_step: Callable[[str], None],
) -> Generator[None]:
    """Measures one file into `subject`; yields after each step.

    Args:
        subject: the file.
        tests: the images that it classifies.
        files: where `tests` has been written.
        settings: how long, and on how many threads.
        on_step: called with what is being done.

    Raises:
        EdgeclsError: the file fails.
    """
    name = f"{subject.path.name} in {subject.peer}" if subject.peer else subject.path.name
    model = subject.read()
    check_scorable(model, tests)
    on_step(f"opening {name}")
    with timed_file(model, files.images, settings.threads, peer=subject.peer) as process:
        subject.load = process.opened()
        on_step(f"running {name} on {len(tests.truth):,} images")
        answers = process.score(len(tests.truth), files.answers)
        subject.probabilities = check_finite(answers, subject.path)
        yield
        for number in range(settings.windows):
            on_step(f"timing: window {number + 1} of {settings.windows}, {name}")
            subject.windows.append(process.time_window(settings.seconds / settings.windows))
            yield
    for number in range(settings.cold_starts):
        on_step(f"cold starts: {number + 1} of {settings.cold_starts}, {name}")
        cold_start = measure_cold_start(model, files.still, settings.threads, subject.peer)
        subject.cold_starts.append(cold_start)
        yield


# The report of each file.

_FORMATS = {ModelFormat.H5: KERAS, ModelFormat.TFLITE: "TFLite", ModelFormat.ONNX: "ONNX"}
_FEW_SAMPLES = 100
"""Below this, the 99th percentile is little more than the slowest inference."""

_MISSED = "its Keras original is neither measured here nor in the earlier report; bench that .h5, too"


def compare_with_keras(
    subjects: Sequence[Subject], tests: HeldOut, earlier: EarlierReport | None = None
) -> tuple[FileReport, ...]:
    """Compares each file with the Keras original that it was exported from; reports keep their order.

    An original that was not measured here is known from an earlier report, or else from the file's own card.
    """
    originals = {
        subject.model.sha256: subject
        for subject in subjects
        if subject.model and subject.model.format is ModelFormat.H5
    }
    elsewhere = keras_references(earlier, tests) if earlier else {}
    return tuple(_report(subject, originals, elsewhere, tests) for subject in subjects)


def _report(
    subject: Subject,
    originals: dict[str, Subject],
    elsewhere: dict[str, KerasReference],
    tests: HeldOut,
) -> FileReport:
    model, error = subject.model, subject.error
    provenance = model.card.provenance if model else Provenance()
    original = originals.get(provenance.weights_sha256)
    measured = original.probabilities if original else None
    known = elsewhere.get(provenance.weights_sha256)
    reference = (known or card_reference(provenance, tests)) if measured is None else None
    is_missed = bool(elsewhere) and measured is None and known is None and model is not None
    return FileReport(
        path=str(subject.path),
        format=_format(model, subject.peer) if model else "",
        peer=subject.peer,
        size_bytes=model.size_bytes if model else None,
        load=subject.load,
        accuracy=_accuracy(subject, reference.probabilities if reference else measured, tests),
        selective=_selective(subject, tests),
        latency=LatencyReport(tuple(subject.windows)) if subject.windows else None,
        cold_starts=tuple(subject.cold_starts),
        notes=(*_notes(subject, originals, tests), *([_MISSED] if is_missed else [])),
        error=str(error) if error else None,
        exit_code=error.exit_code if error else 0,
        sha256=model.sha256 if model else "",
        answers=_answers(subject, tests),
        useless=_useless(subject, tests),
        reference=reference,
    )


def _format(model: ModelFile, peer: str) -> str:
    quantised = model.card.quantisation
    name = _FORMATS[model.format] + (f" {quantised.scheme}" if quantised else "")
    return f"{name}, {peer}" if peer else name


def _accuracy(subject: Subject, keras: np.ndarray | None, tests: HeldOut) -> AccuracyReport | None:
    if subject.probabilities is None or tests.unscored:
        return None
    return score(subject.probabilities, tests.truth, keras)


def _selective(subject: Subject, tests: HeldOut) -> SelectiveReport | None:
    if subject.model is None or subject.probabilities is None or tests.unscored:
        return None
    return selective(subject.probabilities, tests.truth, subject.model.card)


def _useless(subject: Subject, tests: HeldOut) -> str:
    """Why training again is the next step, as `edgecls export` judges; empty where it is not."""
    if subject.model is None or subject.probabilities is None:
        return ""
    card = subject.model.card
    is_of_training = not tests.unscored and card.provenance.data_sha256 == tests.sha256
    best = calibrate(subject.probabilities, card.temperature).max(axis=1)
    unanswered = float((best < card.threshold).mean()) if is_of_training else 0.0
    if answers_nothing(card.threshold, unanswered):
        return 'it answers little but "unknown"'
    if tests.unscored:
        return ""
    if _other_order(subject, tests):
        return ""  # training again changes nothing
    return weak_answers(subject.probabilities.argmax(axis=1), tests.truth, tests.labels) or ""


def _other_order(subject: Subject, tests: HeldOut) -> str | None:
    if subject.probabilities is None or tests.unscored:
        return None
    return order_note(subject.probabilities.argmax(axis=1), tests.truth, tests.labels)


def _answers(subject: Subject, tests: HeldOut) -> Answers | None:
    return None if subject.probabilities is None or tests.unscored else to_answers(subject.probabilities)


def _other_data(trained: str, tested: str) -> str:
    if trained == tested:
        return f"was trained on another split or version of {tested}, and may have seen these images"
    return f"was trained on other data ({trained}) than these test images are from ({tested})"


def _notes(subject: Subject, originals: dict[str, Subject], tests: HeldOut) -> Iterator[str]:
    """What limits the meaning of the figures."""
    if subject.model is None:
        return
    if order := _other_order(subject, tests):
        yield order
    trained = subject.model.card.provenance
    if not tests.unscored and trained.data_sha256 and trained.data_sha256 != tests.sha256:
        yield _other_data(trained.data, tests.name)
    if originals and subject.model.format is not ModelFormat.H5 and trained.weights_sha256 not in originals:
        yield "was not exported from the .h5 measured here; run `edgecls export` again"
    if subject.windows and (slowdown := LatencyReport(tuple(subject.windows)).slowdown):
        yield (
            f"was {slowdown:.2f} times as slow in the second half of the run: the machine throttled or "
            "became busy; run it again when it is cool and idle"
        )
    inferences = sum(len(window.samples_ns) for window in subject.windows)
    if subject.windows and inferences < _FEW_SAMPLES:
        yield f"its p99 is based on {inferences} inferences; measure longer with --seconds"


def measure_files(
    paths: Sequence[Path],
    tests: HeldOut,
    settings: BenchSettings | None = None,
    on_step: Callable[[str], None] = lambda _: None,
    earlier: EarlierReport | None = None,
) -> BenchReport:
    """Measures model files side by side, and against the Keras originals among them.

    A file that fails has its error in its report, and the others go on.

    Args:
        paths: `.h5`, `.tflite` and `.onnx` files.
        tests: the images that each of them classifies.
        settings: how long, and on how many threads.
        on_step: called with what is being done, for a progress line.
        earlier: a report with Keras originals that cannot be measured here.

    Raises:
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    settings = settings or BenchSettings()
    machine = read_machine()
    created_at = timestamp()
    on_step("comparing the test images with the others")
    leaks = find_leaks(tests.images, tests.apart_from)
    models = ModelFiles.of(paths)
    subjects = [Subject(path, models) for path in models] + (_with_peers(models) if settings.peers else [])
    with scratch_folder() as folder:
        files = tests.write(folder)
        grouping = measure_all(subjects, lambda s, how: measure(s, tests, files, how, on_step), settings)
    reports = compare_with_keras(subjects, tests, earlier)
    return BenchReport(
        created_at, machine, tests.report, settings, reports, read_state(), leaks, grouping, tests
    )


def measure_all(
    subjects: Sequence[Subject],
    steps: Callable[[Subject, BenchSettings], Generator[None]],
    settings: BenchSettings,
) -> Grouping | None:
    """Takes `steps` of all subjects in turns, group after group; None where one group was enough.

    In each group but the first, a file of an earlier one is timed again as the reference.
    """
    reference: Subject | None = None
    again: list[Subject] = []
    groups = list(grouped(subjects, lambda subject: places_of(subject.path), reserved=1))
    for group in groups:
        turns = [(subject, steps(subject, settings)) for subject in group]
        if reference:
            again.append(Subject(reference.path, reference.models))
            turns.append((again[-1], steps(again[-1], replace(settings, cold_starts=0))))
        _measure_group(turns)
        reference = reference or _reference_in(group)
    timed = [subject for subject in (reference, *again) if subject and subject.windows]
    if reference is None or len(groups) == 1:
        return None
    p50_ms = tuple(LatencyReport(tuple(subject.windows)).p50_ms for subject in timed)
    return Grouping(len(groups), AT_ONCE, str(reference.path), p50_ms)


def _reference_in(group: Sequence[Subject]) -> Subject | None:
    """The first healthy exported file: Keras takes seconds to open, and noise shows less in its times."""
    healthy = (subject for subject in group if subject.windows and not subject.error and not subject.peer)
    return next((s for s in healthy if s.model and s.model.format is not ModelFormat.H5), None)


def _with_peers(models: ModelFiles) -> list[Subject]:
    """Each exported file again in every peer that is installed."""
    subjects = []
    for path in models:
        with suppress(EdgeclsError):  # its own row says so
            subjects += [
                Subject(path, models, peer=peer.name) for peer in installed_peers(models.read(path).format)
            ]
    return subjects


def _measure_group(turns: Sequence[tuple[Subject, Generator[None]]]) -> None:
    def failed(place: int, error: EdgeclsError) -> None:
        turns[place][0].error = error

    take_turns([steps for _, steps in turns], failed)
