"""Asks every file the same images, as they are and corrupted: `edgecls bench --corruptions`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ...edge_runtime.errors import EdgeclsError
from ...edge_runtime.files import whole_file
from ...edge_runtime.model_file import read_model
from ..grouping import grouped, places_of
from ..held_out import HeldOut, HeldOutFiles
from ..machine import read_machine
from ..scorable import check_finite, check_scorable
from ..timed_file import TimedFile, timed_file
from .corrupt import CORRUPTIONS, corrupt
from .report import CorruptionReport, FileReport
from .scores import Scores

OnStep = Callable[[str], None]


def bench_corruptions(
    paths: Sequence[Path], tests: HeldOut, threads: int = 1, on_step: OnStep = lambda _: None
) -> CorruptionReport:
    """Scores model files. One that fails has its error in its report, and the others go on.

    At any time one corrupted copy of the test images is in memory and on the disk.

    Args:
        paths: `.h5`, `.tflite` and `.onnx` files.
        tests: the images, whose classes are known.
        threads: for every engine.
        on_step: told what is being done, for a progress line.

    Raises:
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    machine = read_machine()
    started_at = datetime.now().astimezone().isoformat(timespec="seconds")
    files: list[FileReport] = []
    with TemporaryDirectory(prefix="edgecls-corruptions-") as name:
        written = tests.write(Path(name))
        for group in grouped(paths, places_of):
            with ExitStack() as stack:
                going = [_open(path, tests, written, threads, stack) for path in group]
                for one_set in _sets(tests.images, written):
                    _answer(going, one_set, tests.truth, written.answers, on_step)
            files += [one.report for one in going]
    return CorruptionReport(started_at, machine, tests.report, threads, tuple(files))


@dataclass(frozen=True)
class _Set:
    """The test images under one corruption, or as they are."""

    name: str
    """Of the corruption; empty for none."""
    text: str
    images: Path


@dataclass
class _Going:
    """A file, and which images it has recognised so far, set after set."""

    path: Path
    process: TimedFile | None = None
    engine: str = ""
    recognised: dict[str, list[np.ndarray]] = field(default_factory=dict)
    """Bool (N,), by the name of the corruption, level by level."""
    error: EdgeclsError | None = None

    @property
    def report(self) -> FileReport:
        """What it came to."""
        if self.error:
            return FileReport(str(self.path), self.engine, None, str(self.error), self.error.exit_code)
        corrupted = {c.name: np.stack(self.recognised[c.name]) for c in CORRUPTIONS}
        return FileReport(str(self.path), self.engine, Scores(self.recognised[""][0], corrupted))


def _open(path: Path, tests: HeldOut, written: HeldOutFiles, threads: int, stack: ExitStack) -> _Going:
    """Starts the process of one file, which lives as long as the stack."""
    try:
        check_scorable(read_model(path), tests)
        process = stack.enter_context(timed_file(path, written.images, threads))
        return _Going(path, process, process.opened().engine)
    except EdgeclsError as error:
        return _Going(path, error=error)


def _sets(images: np.ndarray, written: HeldOutFiles) -> Iterator[_Set]:
    """The images as they are, then each corruption level by level: each set is gone when the next comes."""
    yield _Set("", "as they are", written.images)
    height_px, width_px = images.shape[1:3]
    path = written.images.with_name("corrupted.npy")
    for corruption in CORRUPTIONS:
        for value in corruption.values(height_px, width_px):
            with whole_file(path) as beside:
                np.save(beside, corrupt(images, corruption, value))
            yield _Set(corruption.name, corruption.describe(value), path)


def _answer(
    going: Sequence[_Going], one_set: _Set, truth: np.ndarray, answers: Path, on_step: OnStep
) -> None:
    for one in going:
        if one.error or one.process is None:
            continue
        on_step(f"{one_set.name or 'clean'} images: {one_set.text}, {one.path.name}")
        try:
            probabilities = check_finite(one.process.score(len(truth), answers, one_set.images), one.path)
        except EdgeclsError as error:
            one.error = error
            continue
        one.recognised.setdefault(one_set.name, []).append(probabilities.argmax(axis=1) == truth)
