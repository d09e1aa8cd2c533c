"""One file's way through the benchmark, in steps that take turns with those of the other files."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.model_file import ModelFile, read_model
from .cold_start import measure_cold_start
from .held_out import HeldOut, HeldOutFiles
from .report import ColdStart, LoadReport, Settings, Window
from .scorable import check_finite, check_scorable
from .timed_file import timed_file


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
