"""The speed of `edgecls train` beside a naive Keras program: `make bench-training`."""

import csv
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import IO

import numpy as np

from edgecls.benchmarks.first_label import peak_memory_bytes
from edgecls.benchmarks.machine import Machine, read_machine, report_json
from edgecls.benchmarks.turns import take_turns
from edgecls.edge_runtime.errors import Unavailable
from edgecls.edge_runtime.text_table import table

from .pipeline_report import Goal

# The report.

SCHEMA_VERSION = 1
"""Raised when an older reader would misread it; new fields do not raise it."""
FASTER_THAN_NAIVE = 2.0
"""Times, in images per second."""
DATA_SETS_IN_MEMORY = 2.0
SAME_ACCURACY = 0.02
"""Ours may be lower by so much: the means of a few seeds after a few epochs differ by about that."""


@dataclass(frozen=True)
class TrainingRun:
    """One training, from the command to its end."""

    epoch_s: tuple[float, ...]
    """Of each epoch, the evaluation of held-out images at its end included."""
    accuracy: float
    """On the test images, 0 to 1."""
    peak_bytes: int
    """The most memory that the process had in RAM; 0 where the system does not say."""
    seconds: float
    """Of the whole process."""

    @property
    def steady_s(self) -> tuple[float, ...]:
        """Without the first epoch, in which Keras builds its graph, unless there is no other."""
        return self.epoch_s[1:] or self.epoch_s


@dataclass(frozen=True)
class ProgramReport:
    """One program's runs, a seed each, between which the other had its turn."""

    name: str
    runs: tuple[TrainingRun, ...]
    small: TrainingRun
    """On a data set so small that its memory is the program's own."""

    def images_per_s(self, images: int) -> tuple[float, ...]:
        """Of each run, in its median epoch."""
        return tuple(images / median(run.steady_s) for run in self.runs)

    def epochs_per_s(self, images: int) -> tuple[float, float]:
        """Images per second in the slowest and in the fastest epoch."""
        every = [images / seconds for run in self.runs for seconds in run.steady_s]
        return min(every), max(every)

    @property
    def peak_bytes(self) -> int:
        """The highest of the runs."""
        return max(run.peak_bytes for run in self.runs)

    def data_sets(self, data_bytes: int) -> float:
        """What the data added to the memory, in sizes of the data set as uint8."""
        return (self.peak_bytes - self.small.peak_bytes) / data_bytes

    @property
    def accuracy(self) -> float:
        """The mean of the runs."""
        return mean(run.accuracy for run in self.runs)


@dataclass(frozen=True)
class TrainingReport:
    """The programs side by side."""

    machine: Machine
    data: str
    size_px: int
    train_images: int
    data_bytes: int
    """Of all images as uint8."""
    epochs: int
    naive: ProgramReport
    ours: ProgramReport
    """With the defaults, as the naive program has its own."""
    bfloat16: ProgramReport
    """Ours with `--precision bfloat16`, which some processors compute faster."""

    def ratio(self, program: ProgramReport) -> float:
        """How many times as many images per second as the naive one it takes: the median over the rounds."""
        pairs = zip(
            program.images_per_s(self.train_images), self.naive.images_per_s(self.train_images), strict=True
        )
        return median(its / naive for its, naive in pairs)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The goals of the training, and whether they are met."""
        return tuple(self._goals())

    def _goals(self) -> Iterator[Goal]:
        ratio = self.ratio(self.ours)
        yield Goal("images per second, edgecls / naive", ratio, FASTER_THAN_NAIVE, "at least")
        lead = self.ours.accuracy - self.naive.accuracy
        yield Goal("accuracy, edgecls - naive", lead, -SAME_ACCURACY, "at least", "{:+.3f}")
        if self.ours.peak_bytes:
            needed = self.ours.data_sets(self.data_bytes)
            yield Goal("memory for the data, in data sets", needed, DATA_SETS_IN_MEMORY, "at most")

    def to_json(self) -> str:
        """One line of JSON with every figure, every goal and every epoch."""
        values = {
            "figures": {
                name: {
                    "ratio": self.ratio(program),
                    "images_per_s": program.images_per_s(self.train_images),
                    "peak_bytes": program.peak_bytes,
                    "data_sets": program.data_sets(self.data_bytes),
                    "accuracy": program.accuracy,
                }
                for name, program in (("naive", self.naive), ("ours", self.ours), ("bfloat16", self.bfloat16))
            },
            "goals": [asdict(goal) | {"met": goal.met} for goal in self.goals],
            **asdict(self),
        }
        return report_json(SCHEMA_VERSION, values, kind="training")


# The programs, each in a process of its own.

_LOOK_S = 0.05


@dataclass(frozen=True)
class TrainingArrays:
    """A data set as `edgecls train` splits it."""

    train: tuple[np.ndarray, np.ndarray]
    """Images, uint8 (N, H, W, 3) RGB, and their classes, int (N,)."""
    val: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]

    @property
    def size_bytes(self) -> int:
        """Of all images as uint8."""
        return sum(images.nbytes for images, _ in (self.train, self.val, self.test))


def write_arrays(arrays: TrainingArrays, folder: Path) -> None:
    """Writes what the naive program reads; `held_out` is what ours evaluates after each epoch."""
    held_out = tuple(np.concatenate(parts) for parts in zip(arrays.val, arrays.test, strict=True))
    for name, (images, truth) in {
        "train": arrays.train,
        "held_out": held_out,
        "test": arrays.test,
    }.items():
        np.save(folder / f"{name}_images.npy", images)
        np.save(folder / f"{name}_truth.npy", truth)


def run_naive(arrays: Path, epochs: int, seed: int) -> TrainingRun:
    """Runs naive.py on what `write_arrays` wrote.

    Raises:
        Unavailable: it failed.
    """
    answer = arrays / "answer.json"
    module = f"{__package__}.naive_training"
    seconds, peak_bytes = _run(["-m", module, str(arrays), str(epochs), str(seed), str(answer)])
    values = json.loads(answer.read_text())
    return TrainingRun(tuple(values["seconds"]), values["accuracy"], peak_bytes, seconds)


def run_ours(
    folder: Path, data: str, size_px: int, epochs: int, seed: int, *, precision: str = "float32"
) -> TrainingRun:
    """Runs `edgecls train` with the documented recipe; its files go into `folder`.

    Raises:
        Unavailable: it failed.
    """
    model = folder / "ours.h5"
    options = {"data": data, "size": size_px, "epochs": epochs, "seed": seed, "precision": precision}
    arguments = [f"--{name}={value}" for name, value in options.items()] + [f"--output={model}"]
    seconds, peak_bytes = _run(
        ["-m", "edgecls.cli", "train", "--arch=cnn", "--recipe=documented", *arguments]
    )
    results = model.with_suffix("")
    accuracy = json.loads((results / "report.json").read_text(encoding="utf-8"))["test"]["accuracy"]
    with (results / "history.csv").open(newline="") as lines:
        epoch_s = tuple(float(line["seconds"]) for line in csv.DictReader(lines))
    return TrainingRun(epoch_s, accuracy, peak_bytes, seconds)


def _run(arguments: Sequence[str]) -> tuple[float, int]:
    """Runs our Python to its end: the seconds that took, and the most memory that it had."""
    # -P: a folder `numpy` or `keras` where the user stands must not be imported.
    command = [sys.executable, "-P", *arguments]
    started_s = time.monotonic()
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said) as process,
    ):
        peak_bytes = 0
        while process.poll() is None:
            peak_bytes = max(peak_bytes, peak_memory_bytes(process.pid) or 0)
            time.sleep(_LOOK_S)
        if process.returncode:
            raise Unavailable(
                f"{shlex.join(command)}: ended with {process.returncode}: {_last_line(said)}; try it alone"
            )
    return time.monotonic() - started_s, peak_bytes


def _last_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "no message")


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
        on_step: called with what is being done.

    Raises:
        EdgeclsError: the data cannot be loaded, or a program failed.
    """
    machine = read_machine()
    on_step("training on little data")
    small, _ = _measure_programs(SMALL_DATA, size_px, load, epochs=1, rounds=1)
    runs, arrays = _measure_programs(data, size_px, load, epochs=epochs, rounds=rounds, on_step=on_step)
    programs = [ProgramReport(name, tuple(runs[name]), small[name][0]) for name in runs]
    return TrainingReport(machine, data, size_px, len(arrays.train[1]), arrays.size_bytes, epochs, *programs)


def _measure_programs(
    data: str,
    size_px: int,
    load: Load,
    *,
    epochs: int,
    rounds: int,
    on_step: Callable[[str], None] = lambda _: None,
) -> tuple[dict[str, list[TrainingRun]], TrainingArrays]:
    """The runs of each program by its name, a seed each; and the arrays of the last round."""
    with TemporaryDirectory(prefix="edgecls-bench-") as name:
        folder = Path(name)
        loaded: dict[int, TrainingArrays] = {}  # of the current round

        def prepare(seed: int) -> None:
            if seed not in loaded:
                loaded.clear()
                loaded[seed] = load(data, seed)
                write_arrays(loaded[seed], folder)

        programs: dict[str, Callable[[int], TrainingRun]] = {
            "naive": lambda seed: run_naive(folder, epochs, seed),
            "edgecls": lambda seed: run_ours(folder, data, size_px, epochs, seed),
            "edgecls, bfloat16": lambda seed: run_ours(
                folder, data, size_px, epochs, seed, precision="bfloat16"
            ),
        }
        runs: dict[str, list[TrainingRun]] = {name: [] for name in programs}

        def runs_of(name: str) -> Generator[None]:
            for seed in range(rounds):
                on_step(f"round {seed + 1} of {rounds}, {epochs} epochs: {name}")
                prepare(seed)
                runs[name].append(programs[name](seed))
                yield

        take_turns([runs_of(name) for name in programs])
    return runs, loaded[rounds - 1]


# The report as text.

_HEADERS = (
    "program",
    "images/s",
    "slowest to fastest epoch",
    "ratio",
    "accuracy %",
    "seconds",
    "peak MB",
    "of it data sets",
)


def render(report: TrainingReport) -> str:
    """The machine, the table with its legend, and the goals."""
    parts = [
        _facts(report),
        table(_HEADERS, [_row(each, report) for each in (report.naive, report.ours, report.bfloat16)]),
        _legend(report),
        "\n".join(goal.line for goal in report.goals),
        "\n".join(f"warning: {line}" for line in report.machine.warnings),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(report: TrainingReport) -> str:
    machine = report.machine
    return (
        f"machine:  {machine.cpu}, {machine.cores} cores, load {machine.load:.2f} before\n"
        f"software: {machine.system}, Python {machine.python}\n"
        f"data:     {report.data}, {report.train_images:,} training images of {report.size_px} px; "
        f"{report.data_bytes / 1e6:,.0f} MB with val and test"
    )


def _row(program: ProgramReport, report: TrainingReport) -> list[str]:
    slowest, fastest = program.epochs_per_s(report.train_images)
    return [
        program.name,
        f"{median(program.images_per_s(report.train_images)):,.0f}",
        f"{slowest:,.0f} to {fastest:,.0f}",
        f"{report.ratio(program):.2f}",
        " ".join(_accuracies(program)),
        f"{median(run.seconds for run in program.runs):.1f}",
        f"{program.peak_bytes / 1e6:,.0f}",
        f"{program.data_sets(report.data_bytes):.2f}",
    ]


def _accuracies(program: ProgramReport) -> Iterator[str]:
    yield f"{program.accuracy:.2%}".rstrip("%")
    if len(program.runs) > 1:
        lowest, highest = (extreme(run.accuracy for run in program.runs) for extreme in (min, max))
        yield f"({lowest:.2%} to {highest:.2%})".replace("%", "")


def _legend(report: TrainingReport) -> str:
    rounds = len(report.ours.runs)
    first = ", the first left out" if report.epochs > 1 else ""
    return (
        f"Median of {rounds} {'round' if rounds == 1 else 'rounds'} of {report.epochs} epochs{first}, a "
        "process and a seed each, in turn; each epoch with its evaluation of the same held-out images.\n"
        "naive: float32 arrays and Keras's defaults; all: the documented CNN, Adam, batches of 32.\n"
        "seconds: of the whole process. of it data sets: the peak above that of the same program on a small "
        "data set, in sizes of the data set as uint8."
    )
