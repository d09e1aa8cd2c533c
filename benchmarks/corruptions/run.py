"""Scoring model files on test images as they are, and under every corruption."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...edge_runtime.errors import EdgeclsError
from ...edge_runtime.files import scratch_folder, whole_file
from ..machine import read_machine, timestamp
from ..model_files import ModelFiles, find_model_files, first_readable
from ..test_images import HeldOut, HeldOutFiles, check_finite, check_scorable, held_out_images
from ..turns import grouped, places_of
from ..worker import FileProcess, timed_file
from .corrupt import CORRUPTIONS, corrupt
from .report import CorruptedFileReport, CorruptionReport, Scores

OnStep = Callable[[str], None]


def bench_corruptions(
    models: Sequence[Path] = (),
    *,
    data: str | None = None,
    images: int | None = None,
    threads: int = 1,
    on_step: OnStep = lambda _: None,
) -> CorruptionReport:
    """Scores model files on test images as they are, and spoiled by JPEG, blur, noise, darkness or haze.

    Args:
        models: files, folders or names of built-in models; without any, all files of the current folder.
        data: the data set to test on; by default the one that the model was trained on.
        images: at most this many test images, each class by its share.
        threads: of every engine.
        on_step: called with what is being done, for a progress line.

    Raises:
        EdgeclsError: there is no model or no test image.
    """
    paths = find_model_files(models)
    on_step("reading pictures")
    return measure_corruptions(paths, held_out_images(first_readable(paths), data, images), threads, on_step)


def measure_corruptions(
    paths: Sequence[Path], tests: HeldOut, threads: int = 1, on_step: OnStep = lambda _: None
) -> CorruptionReport:
    """Scores model files. One that fails has its error in its report, and the others go on.

    At any time one corrupted copy of the test images is in memory and on the disk.

    Args:
        paths: `.h5`, `.tflite` and `.onnx` files.
        tests: the images, whose classes are known.
        threads: for every engine.
        on_step: called with what is being done, for a progress line.

    Raises:
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    machine = read_machine()
    created_at = timestamp()
    files: list[CorruptedFileReport] = []
    models = ModelFiles.of(paths)
    with scratch_folder() as folder:
        written = tests.write(folder)
        for group in grouped(models, places_of):
            with ExitStack() as stack:
                opened = [_open(models, path, tests, written, threads=threads, stack=stack) for path in group]
                for one_set in _sets(tests.images, written):
                    _answer(opened, one_set, tests.truth, written.answers, on_step)
            files += [one.report for one in opened]
    return CorruptionReport(created_at, machine, tests.report, threads, tuple(files), tests)


@dataclass(frozen=True)
class _ImageSet:
    """The test images under one corruption, or as they are."""

    name: str
    """Of the corruption; empty for none."""
    text: str
    images: Path


@dataclass
class _OpenFile:
    """A file whose process runs, and which images it has recognised so far."""

    path: Path
    process: FileProcess | None = None
    engine: str = ""
    recognised: dict[str, list[np.ndarray]] = field(default_factory=dict)
    """Bool (N,), by the name of the corruption, level by level."""
    error: EdgeclsError | None = None

    @property
    def report(self) -> CorruptedFileReport:
        """What it came to."""
        if self.error:
            return CorruptedFileReport(
                str(self.path), self.engine, None, str(self.error), self.error.exit_code
            )
        corrupted = {c.name: np.stack(self.recognised[c.name]) for c in CORRUPTIONS}
        return CorruptedFileReport(str(self.path), self.engine, Scores(self.recognised[""][0], corrupted))


def _open(
    models: ModelFiles, path: Path, tests: HeldOut, written: HeldOutFiles, *, threads: int, stack: ExitStack
) -> _OpenFile:
    """Starts the process of one file, which lives as long as the stack."""
    try:
        model = models.read(path)
        check_scorable(model, tests)
        process = stack.enter_context(timed_file(model, written.images, threads))
        return _OpenFile(path, process, process.opened().engine)
    except EdgeclsError as error:
        return _OpenFile(path, error=error)


def _sets(images: np.ndarray, written: HeldOutFiles) -> Iterator[_ImageSet]:
    """The original images, then each corruption level by level; a set is deleted when the next one comes."""
    yield _ImageSet("", "original", written.images)
    height_px, width_px = images.shape[1:3]
    path = written.images.with_name("corrupted.npy")
    for corruption in CORRUPTIONS:
        for value in corruption.values(height_px, width_px):
            with whole_file(path) as beside:
                np.save(beside, corrupt(images, corruption, value))
            yield _ImageSet(corruption.name, corruption.describe(value), path)


def _answer(
    opened: Sequence[_OpenFile], one_set: _ImageSet, truth: np.ndarray, answers: Path, on_step: OnStep
) -> None:
    for one in opened:
        if one.error or one.process is None:
            continue
        on_step(f"{one_set.name or 'clean'} images: {one_set.text}, {one.path.name}")
        try:
            probabilities = check_finite(one.process.score(len(truth), answers, one_set.images), one.path)
        except EdgeclsError as error:
            one.error = error
            continue
        one.recognised.setdefault(one_set.name, []).append(probabilities.argmax(axis=1) == truth)
