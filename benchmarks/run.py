"""The whole benchmark: all files take turns, step by step, and one report comes out."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from ..edge_runtime.errors import EdgeclsError, Unavailable
from ..edge_runtime.files import whole_file
from ..edge_runtime.models.card import Provenance
from ..edge_runtime.models.model_file import ModelFile, ModelFormat, read_model
from .accuracy import AccuracyReport, score
from .earlier import Baseline, baseline_references, card_reference
from .leaks import find_leaks
from .machine import Machine, MachineState, read_machine, read_state, timestamp
from .peers import installed_peers
from .report import (
    KERAS,
    Answers,
    BenchReport,
    ColdStart,
    FileReport,
    KerasReference,
    LatencyReport,
    LoadReport,
    Settings,
    Window,
    to_answers,
)
from .test_images import HeldOut, HeldOutFiles, check_finite, check_scorable
from .turns import AT_ONCE, Grouping, grouped, places_of, take_turns
from .worker import measure_cold_start, timed_file

if TYPE_CHECKING:
    from .corruptions.run import FileReport as CorruptedFile


# One file's way through the benchmark, in steps that take turns with those of the other files.


@dataclass
class Subject:
    """A file, and what is known of it so far. An error ends its measurements, not those of the others."""

    path: Path
    model: ModelFile | None = None
    load: LoadReport | None = None
    probabilities: np.ndarray | None = None
    """float32 (N, C), of all test images."""
    windows: list[Window] = field(default_factory=list)
    cold_starts: list[ColdStart] = field(default_factory=list)
    error: EdgeclsError | None = None
    peer: str = ""
    """Another engine by name, for a file whose own is measured too."""


def measure(
    subject: Subject, tests: HeldOut, files: HeldOutFiles, settings: Settings, on_step: Callable[[str], None]
) -> Generator[None]:
    """Measures one file into `subject`, and yields whenever it is the others' turn.

    Args:
        subject: the file.
        tests: what it is asked.
        files: where `tests` has been written.
        settings: how long, and on how many threads.
        on_step: told what is being done.

    Raises:
        EdgeclsError: the file fails.
    """
    name = f"{subject.path.name} in {subject.peer}" if subject.peer else subject.path.name
    subject.model = read_model(subject.path)
    check_scorable(subject.model, tests)
    on_step(f"opening {name}")
    with timed_file(subject.path, files.images, settings.threads, peer=subject.peer) as process:
        subject.load = process.opened()
        on_step(f"{name} answers {len(tests.truth):,} images")
        answers = process.score(len(tests.truth), files.answers)
        subject.probabilities = check_finite(answers, subject.path)
        yield
        for number in range(settings.windows):
            on_step(f"timing, window {number + 1} of {settings.windows}: {name}")
            subject.windows.append(process.time_window(settings.seconds / settings.windows))
            yield
    for number in range(settings.cold_starts):
        on_step(f"cold start {number + 1} of {settings.cold_starts}: {name}")
        cold_start = measure_cold_start(subject.path, files.still, settings.threads, subject.peer)
        subject.cold_starts.append(cold_start)
        yield


# From what was measured of all files to what is reported of each.

_FORMATS = {ModelFormat.H5: KERAS, ModelFormat.TFLITE: "TFLite", ModelFormat.ONNX: "ONNX"}
_FEW_SAMPLES = 100
"""Below this, the 99th percentile is little more than the slowest inference."""

_MISSED = "its Keras original is not in the baseline, nor measured here; make a baseline with that .h5"


def conclude(
    subjects: Sequence[Subject], tests: HeldOut, baseline: Baseline | None = None
) -> tuple[FileReport, ...]:
    """Compares each file with the Keras original that it was exported from; reports keep their order.

    An original that was not measured here is known from the baseline, or else from the file's own card.
    """
    originals = {
        subject.model.sha256: subject
        for subject in subjects
        if subject.model and subject.model.format is ModelFormat.H5
    }
    elsewhere = baseline_references(baseline, tests) if baseline else None
    return tuple(_report(subject, originals, elsewhere, tests) for subject in subjects)


def _report(
    subject: Subject,
    originals: dict[str, Subject],
    elsewhere: dict[str, KerasReference] | None,
    tests: HeldOut,
) -> FileReport:
    model, error = subject.model, subject.error
    provenance = model.card.provenance if model else Provenance()
    original = originals.get(provenance.weights_sha256)
    measured = original.probabilities if original else None
    known = (elsewhere or {}).get(provenance.weights_sha256)
    reference = (known or card_reference(provenance, tests)) if measured is None else None
    is_missed = elsewhere is not None and measured is None and known is None and model is not None
    return FileReport(
        path=str(subject.path),
        format=_format(model, subject.peer) if model else "",
        peer=subject.peer,
        size_bytes=model.size_bytes if model else None,
        load=subject.load,
        accuracy=_accuracy(subject, reference.probabilities if reference else measured, tests),
        latency=LatencyReport(tuple(subject.windows)) if subject.windows else None,
        cold_starts=tuple(subject.cold_starts),
        notes=(*_notes(subject, originals, tests), *([_MISSED] if is_missed else [])),
        error=str(error) if error else None,
        exit_code=error.exit_code if error else 0,
        sha256=model.sha256 if model else "",
        answers=_answers(subject, tests),
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


def _answers(subject: Subject, tests: HeldOut) -> Answers | None:
    return None if subject.probabilities is None or tests.unscored else to_answers(subject.probabilities)


def _other_data(trained: str, tested: str) -> str:
    if trained == tested:
        return (
            f"was trained on another split or version of {tested}, and may have learnt some of these images"
        )
    return f"was trained on other data ({trained}) than these test images are from ({tested})"


def _notes(subject: Subject, originals: dict[str, Subject], tests: HeldOut) -> Iterator[str]:
    """What a reader must know before trusting the figures."""
    if subject.model is None:
        return
    trained = subject.model.card.provenance
    if not tests.unscored and trained.data_sha256 and trained.data_sha256 != tests.sha256:
        yield _other_data(trained.data, tests.name)
    if originals and subject.model.format is not ModelFormat.H5 and trained.weights_sha256 not in originals:
        yield "was not exported from the .h5 measured here; `edgecls export` makes it anew"
    if subject.windows and (slowdown := LatencyReport(tuple(subject.windows)).slowdown):
        yield (
            f"was {slowdown:.2f} times as slow in the second half of the run: the machine throttles, or "
            "something else began; run it again when it is cool and quiet"
        )
    inferences = sum(len(window.samples_ns) for window in subject.windows)
    if subject.windows and inferences < _FEW_SAMPLES:
        yield f"its p99 rests on {inferences} inferences; measure longer with --seconds"


def bench(
    paths: Sequence[Path],
    tests: HeldOut,
    settings: Settings | None = None,
    on_step: Callable[[str], None] = lambda _: None,
    baseline: Baseline | None = None,
) -> BenchReport:
    """Measures model files side by side, and against the Keras originals among them.

    A file that fails has its error in its report, and the others go on.

    Args:
        paths: `.h5`, `.tflite` and `.onnx` files.
        tests: the images that each of them classifies.
        settings: how long, and on how many threads.
        on_step: told what is being done, for a progress line.
        baseline: a report with Keras originals that cannot be measured here.

    Raises:
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    settings = settings or Settings()
    machine = read_machine()
    started_at = timestamp()
    on_step("comparing the test images with the others")
    leaks = find_leaks(tests.images, tests.apart_from)
    subjects = [Subject(path) for path in paths] + (_with_peers(paths) if settings.peers else [])
    with TemporaryDirectory(prefix="edgecls-bench-") as name:
        files = tests.write(Path(name))
        grouping = measure_all(subjects, lambda s, how: measure(s, tests, files, how, on_step), settings)
    reports = conclude(subjects, tests, baseline)
    return BenchReport(started_at, machine, tests.report, settings, reports, read_state(), leaks, grouping)


def measure_all(
    subjects: Sequence[Subject], steps: Callable[[Subject, Settings], Generator[None]], settings: Settings
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
            again.append(Subject(reference.path))
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


def _with_peers(paths: Sequence[Path]) -> list[Subject]:
    """Each exported file again in every peer that is installed."""
    subjects = []
    for path in paths:
        with suppress(EdgeclsError):  # its own subject tells
            subjects += [Subject(path, peer=peer.name) for peer in installed_peers(read_model(path).format)]
    return subjects


def _measure_group(turns: Sequence[tuple[Subject, Generator[None]]]) -> None:
    def failed(place: int, error: EdgeclsError) -> None:
        turns[place][0].error = error

    take_turns([steps for _, steps in turns], failed)


# What one inference of each file takes: all take turns, whatever their input sizes and labels.

_PICTURES = 8
_LOAD_S = 2.0


@dataclass(frozen=True)
class SideBySide:
    """The times of many files on one machine."""

    machine: Machine
    """Before the first measurement. Its load is of two seconds: the minute before may be our own."""
    after: MachineState
    latencies: Mapping[Path, LatencyReport]
    errors: Mapping[Path, EdgeclsError]
    """Of the files that could not be timed."""
    grouping: Grouping | None
    """None where all files took turns together."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the times doubtful, one line each."""
        drift = (self.grouping.warning,) if self.grouping and self.grouping.warning else ()
        return (*self.machine.warnings, *self.after.warnings, *drift)


def time_files(
    paths: Sequence[Path], settings: Settings, on_step: Callable[[str], None] = lambda _: None
) -> SideBySide:
    """Times files that need not have anything in common. One that fails takes no other with it.

    They are given noise: what is in a picture changes no time.

    Args:
        paths: `.h5`, `.tflite` and `.onnx` files.
        settings: how long, and on how many threads.
        on_step: told what is being done, for a progress line.

    Raises:
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    try:
        import psutil  # noqa: PLC0415 - not for a device
    except ImportError as error:
        raise Unavailable(f'no load of this machine: {error}; run `pip install "edgecls[sweep]"`') from error
    busy_cores = psutil.cpu_percent(_LOAD_S) / 100 * (psutil.cpu_count() or 1)
    machine = replace(read_machine(), load=round(busy_cores, 2))
    subjects = [Subject(path) for path in paths]
    with TemporaryDirectory(prefix="edgecls-times-") as name:
        folder = Path(name)
        grouping = measure_all(subjects, lambda s, how: _time(s, folder, how, on_step), settings)
    return SideBySide(
        machine,
        read_state(),
        {subject.path: LatencyReport(tuple(subject.windows)) for subject in subjects if not subject.error},
        {subject.path: subject.error for subject in subjects if subject.error},
        grouping,
    )


def _time(
    subject: Subject, folder: Path, settings: Settings, on_step: Callable[[str], None]
) -> Generator[None]:
    """Times one file into `subject`, and yields whenever it is the others' turn."""
    subject.model = read_model(subject.path)
    rule = subject.model.card.image
    images = folder / f"{rule.height_px}x{rule.width_px}.npy"
    if not images.exists():
        shape = (_PICTURES, rule.height_px, rule.width_px, 3)
        with whole_file(images) as beside:
            np.save(beside, np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    on_step(f"opening {subject.path.name}")
    with timed_file(subject.path, images, settings.threads) as process:
        subject.load = process.opened()
        yield
        for number in range(settings.windows):
            on_step(f"timing, window {number + 1} of {settings.windows}: {subject.path.name}")
            subject.windows.append(process.time_window(settings.seconds / settings.windows))
            yield


def check_measured(files: "Sequence[FileReport | CorruptedFile]", named: Sequence[Path]) -> None:
    """Ends the command with an error where a file gave NaN, or one that was named could not be measured.

    A damaged file that merely lies in the folder is a line in the table, unless there is no other.
    """
    failed = [file for file in files if file.error]
    everything = len(failed) == len(files)
    for file in failed:
        if everything or file.exit_code == 1 or Path(file.path) in named:
            error = EdgeclsError(file.error)
            error.exit_code = file.exit_code
            raise error
