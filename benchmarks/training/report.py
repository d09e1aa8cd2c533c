"""What the benchmark of training found: plain values that JSON and the table are made from."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from statistics import mean, median

from ..machine import Machine
from ..pipeline.goals import Goal

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
        """Images per second in the slowest and the fastest epoch of all."""
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
        """What the training is meant to reach, and whether it does."""
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
        document = {
            "schema": SCHEMA_VERSION,
            "kind": "training",
            "edgecls": version("edgecls"),
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
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
