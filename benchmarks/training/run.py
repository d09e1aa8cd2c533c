"""How fast `edgecls train` is beside the straightforward program: `edgecls bench --training`."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from ..machine import read_machine
from .programs import TrainingArrays, run_naive, run_ours, write_arrays
from .report import ProgramReport, TrainingReport, TrainingRun

SMALL_DATA = "digits"
"""1,797 images that need no download: with them the memory is the program's own."""

Load = Callable[[str, int], TrainingArrays]
"""From a data set, as `edgecls train --data` takes it, and a seed."""


def bench_training(
    data: str,
    size_px: int,
    load: Load,
    *,
    epochs: int,
    rounds: int,
    on_step: Callable[[str], None] = lambda _: None,
) -> TrainingReport:
    """Trains the documented CNN with both programs in turn, a seed for each round.

    Args:
        data: as `edgecls train --data` takes it.
        size_px: side of the network's square input.
        load: gives the naive program's arrays.
        epochs: of each training; the first is not timed where there are more.
        rounds: trainings of each program.
        on_step: told what is being done.

    Raises:
        EdgeclsError: the data cannot be loaded, or a program failed.
    """
    machine = read_machine()
    on_step("training on little data")
    small_naive, small_ours, _ = _round(SMALL_DATA, size_px, load, 1, 0)
    naive: list[TrainingRun] = []
    ours: list[TrainingRun] = []
    images = size_bytes = 0
    for seed in range(rounds):
        on_step(f"round {seed + 1} of {rounds}: {epochs} epochs of each program")
        first, second, arrays = _round(data, size_px, load, epochs, seed)
        naive.append(first)
        ours.append(second)
        images, size_bytes = len(arrays.train[1]), arrays.size_bytes
    return TrainingReport(
        machine,
        data,
        size_px,
        images,
        size_bytes,
        epochs,
        ProgramReport("naive", tuple(naive), small_naive),
        ProgramReport("edgecls", tuple(ours), small_ours),
    )


def _round(
    data: str, size_px: int, load: Load, epochs: int, seed: int
) -> tuple[TrainingRun, TrainingRun, TrainingArrays]:
    """Both programs once; which goes first changes from round to round."""
    arrays = load(data, seed)
    with TemporaryDirectory(prefix="edgecls-bench-") as name:
        folder = Path(name)
        write_arrays(arrays, folder)
        if seed % 2:
            ours = run_ours(folder, data, size_px, epochs, seed)
            return run_naive(folder, epochs, seed), ours, arrays
        naive = run_naive(folder, epochs, seed)
        return naive, run_ours(folder, data, size_px, epochs, seed), arrays
