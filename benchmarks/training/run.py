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
    """Trains the documented CNN with each program in turn, a seed for each round.

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
    small, _ = _round(SMALL_DATA, size_px, load, 1, 0)
    rounds_of: dict[str, list[TrainingRun]] = {name: [] for name in small}
    images = size_bytes = 0
    for seed in range(rounds):
        on_step(f"round {seed + 1} of {rounds}: {epochs} epochs of each program")
        runs, arrays = _round(data, size_px, load, epochs, seed)
        for name, run in runs.items():
            rounds_of[name].append(run)
        images, size_bytes = len(arrays.train[1]), arrays.size_bytes
    programs = [ProgramReport(name, tuple(runs), small[name]) for name, runs in rounds_of.items()]
    return TrainingReport(machine, data, size_px, images, size_bytes, epochs, *programs)


def _round(
    data: str, size_px: int, load: Load, epochs: int, seed: int
) -> tuple[dict[str, TrainingRun], TrainingArrays]:
    """Each program once; which goes first changes from round to round."""
    arrays = load(data, seed)
    with TemporaryDirectory(prefix="edgecls-bench-") as name:
        folder = Path(name)
        write_arrays(arrays, folder)
        programs: dict[str, Callable[[], TrainingRun]] = {
            "naive": lambda: run_naive(folder, epochs, seed),
            "edgecls": lambda: run_ours(folder, data, size_px, epochs, seed),
            "edgecls, bfloat16": lambda: run_ours(folder, data, size_px, epochs, seed, precision="bfloat16"),
        }
        names = list(programs)
        first = seed % len(names)
        runs = {name: programs[name]() for name in names[first:] + names[:first]}
    return {name: runs[name] for name in names}, arrays
