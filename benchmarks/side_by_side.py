"""The latency of many files that need not have anything in common, measured in turns on one machine."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..edge_runtime.errors import EdgeclsError, Unavailable
from ..edge_runtime.files import scratch_folder, whole_file
from .file_report import BenchSettings, LatencyReport
from .machine import Machine, MachineState, read_machine, read_state
from .measure import Subject, measure_all
from .turns import Grouping
from .worker import timed_file

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
    paths: Sequence[Path], settings: BenchSettings, on_step: Callable[[str], None] = lambda _: None
) -> SideBySide:
    """Times files that need not have anything in common. One that fails takes no other with it.

    They are given noise: what is in a picture changes no time.

    Args:
        paths: `.h5`, `.tflite` and `.onnx` files.
        settings: how long, and on how many threads.
        on_step: called with what is being done, for a progress line.

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
    with scratch_folder() as folder:
        grouping = measure_all(subjects, lambda s, how: _time(s, folder, how, on_step), settings)
    return SideBySide(
        machine,
        read_state(),
        {subject.path: LatencyReport(tuple(subject.windows)) for subject in subjects if not subject.error},
        {subject.path: subject.error for subject in subjects if subject.error},
        grouping,
    )


def _time(
    subject: Subject, folder: Path, settings: BenchSettings, on_step: Callable[[str], None]
) -> Generator[None]:
    """Times one file into `subject`, and yields whenever it is the others' turn."""
    rule = subject.read().card.image
    images = folder / f"{rule.height_px}x{rule.width_px}.npy"
    if not images.exists():
        shape = (_PICTURES, *rule.shape)
        with whole_file(images) as beside:
            np.save(beside, np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    on_step(f"opening {subject.path.name}")
    with timed_file(subject.path, images, settings.threads) as process:
        subject.load = process.opened()
        yield
        for number in range(settings.windows):
            on_step(f"timing: window {number + 1} of {settings.windows}, {subject.path.name}")
            subject.windows.append(process.time_window(settings.seconds / settings.windows))
            yield
