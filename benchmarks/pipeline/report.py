"""What the benchmark of the whole way found: plain values that JSON and the tables are made from."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np

from ..machine import Machine
from .frames import FrameSize
from .process_cost import MemoryUse
from .way import Samples


@dataclass(frozen=True)
class WayReport:
    """One way, timed in windows between which the others had theirs."""

    name: str
    engine: str
    stages: tuple[str, ...]
    windows: tuple[Samples, ...]
    """Every sample of every window; nothing is ever trimmed."""

    def stage_ms(self, stage: str) -> float:
        """The median of the windows' medians of one stage."""
        place = self.stages.index(stage)
        return median(median(frame[place] for frame in window) for window in self.windows) / 1e6

    @cached_property
    def window_ms(self) -> tuple[float, ...]:
        """The median of each window, all stages together."""
        return tuple(median(map(sum, window)) / 1e6 for window in self.windows)

    @property
    def total_ms(self) -> float:
        """The median of the windows' medians, all stages together."""
        return median(self.window_ms)

    def ratio(self, other: "WayReport") -> float:
        """How many times as long as `other` it takes: the median over the rounds, so that drift falls out."""
        pairs = zip(self.window_ms, other.window_ms, strict=True)
        return median(mine / others for mine, others in pairs)


@dataclass(frozen=True)
class Agreement:
    """The labels of two ways, frame by frame."""

    same: int
    frames: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.same / self.frames


def agreement(labels: Sequence[int | None], others: Sequence[int | None]) -> Agreement:
    """Counts the frames that two ways give the same label."""
    return Agreement(sum(a == b for a, b in zip(labels, others, strict=True)), len(labels))


@dataclass(frozen=True)
class SizeReport:
    """All ways over frames of one size."""

    size: FrameSize
    frames: int
    """Different ones."""
    median_bytes: int
    ours: WayReport
    floor: WayReport
    naive: WayReport | None
    """None without a float32 `.onnx` of the same network."""
    agreement: Agreement | None
    """Of naive and edgecls."""
    decode_agreement: Agreement
    """Of edgecls with a full decode and edgecls: the part of it that is due to the reduced decode."""

    @property
    def ways(self) -> tuple[WayReport, ...]:
        """Those that were measured, the slowest first."""
        return (*((self.naive,) if self.naive else ()), self.ours, self.floor)


@dataclass(frozen=True)
class CallReport:
    """`Classifier.classify` on a ready input, and the engine's library called directly."""

    classify: WayReport
    call: WayReport

    @property
    def classify_ratio(self) -> float:
        """Of the call of `classify` alone; what it returns works its label out when it is first asked."""
        return _only(self.classify, "classify").ratio(self.call)

    @property
    def labelled_ratio(self) -> float:
        """The same with the label asked for."""
        return self.classify.ratio(self.call)


def _only(way: WayReport, stage: str) -> WayReport:
    place = way.stages.index(stage)
    windows = tuple(tuple((frame[place],) for frame in window) for window in way.windows)
    return WayReport(way.name, way.engine, (stage,), windows)


@dataclass(frozen=True)
class AgeSample:
    """One answer to a frame."""

    number: int
    """The frame's, as the camera counts them."""
    age_ms: float
    """From the moment when the camera took it to its label."""
    classify_ms: float
    """The part of it that the classification itself took."""

    @property
    def waited_ms(self) -> float:
        """The rest: on its way, and waiting for the reader."""
        return self.age_ms - self.classify_ms


@dataclass(frozen=True)
class AgeReport:
    """Frames' ages, with a reader that is ten times slower than the camera."""

    rate_fps: float
    samples: tuple[AgeSample, ...]

    @property
    def interval_ms(self) -> float:
        """Between two frames of the camera."""
        return 1e3 / self.rate_fps

    def age_ms(self, percent: float) -> float:
        """The age that `percent` of the frames had at most."""
        return float(np.percentile([sample.age_ms for sample in self.samples], percent))

    def waited_ms(self, percent: float) -> float:
        """The same without the classification itself."""
        return float(np.percentile([sample.waited_ms for sample in self.samples], percent))

    def limit_ms(self, percent: float) -> float:
        """The age that shall not be passed: one frame interval, and the classification itself."""
        classify_ms = np.percentile([sample.classify_ms for sample in self.samples], percent)
        return self.interval_ms + float(classify_ms)

    @property
    def misplaced(self) -> int:
        """Frames that were classified again, or after a newer one."""
        numbers = [sample.number for sample in self.samples]
        return sum(later <= earlier for earlier, later in itertools.pairwise(numbers))


@dataclass(frozen=True)
class IdleRun:
    """One life of a camera program."""

    first_label_s: float
    """From the command."""
    cpu_share: float
    """Of one core, all processes of the program together; 0.1 is 10 %."""
    labels_per_s: float
    memory: MemoryUse
    processes: int


@dataclass(frozen=True)
class IdleReport:
    """`edgecls camera` and the naive program, each with a camera of `rate_fps`, in turn."""

    rate_fps: float
    ours: tuple[IdleRun, ...]
    naive: tuple[IdleRun, ...]
    """Empty without a float32 `.onnx` of the same network."""


@dataclass(frozen=True)
class PipelineSettings:
    """How it was measured."""

    threads: int = 1
    seconds: float = 3.0
    """For each way and size; the frames' ages get five times as long, a camera program's cost as long."""
    windows: int = 12
    """That these seconds are split into."""
    frames: int = 1000
    """Different ones of each size."""


@dataclass(frozen=True)
class PipelineReport:
    """From a camera's bytes to a label, measured on one machine."""

    created_at: str
    """ISO 8601, with its offset from UTC."""
    machine: Machine
    settings: PipelineSettings
    model: str
    """The file that `edgecls camera` would run."""
    naive_model: str | None
    """The float32 `.onnx` of the naive way."""
    pictures: str
    """What the frames show."""
    sizes: tuple[SizeReport, ...]
    calls: CallReport
    age: AgeReport
    idle: IdleReport
    notes: tuple[str, ...] = ()
