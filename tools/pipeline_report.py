"""The report of the pipeline benchmark: plain values, goals, JSON and tables."""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Literal

import numpy as np

from edgecls.benchmarks.frames import HD, VGA, FrameSize
from edgecls.benchmarks.machine import Machine, report_json
from edgecls.edge_runtime.text_table import table

from .pipelines import Agreement, PipelineTimes
from .process_cost import MemoryUse


@dataclass(frozen=True)
class SizeReport:
    """All pipelines over frames of one size."""

    size: FrameSize
    frames: int
    """Different ones."""
    median_bytes: int
    ours: PipelineTimes
    floor: PipelineTimes
    naive: PipelineTimes | None
    """None without a float32 `.onnx` of the same network."""
    agreement: Agreement | None
    """Of naive and edgecls."""
    decode_agreement: Agreement
    """Of edgecls with a full decode and edgecls: the part of it that is due to the reduced decode."""

    @property
    def pipelines(self) -> tuple[PipelineTimes, ...]:
        """Those that were measured, the slowest first."""
        return (*((self.naive,) if self.naive else ()), self.ours, self.floor)


@dataclass(frozen=True)
class CallReport:
    """`Classifier.classify` on a ready input, and the engine's library called directly."""

    classify: PipelineTimes
    call: PipelineTimes

    @property
    def classify_ratio(self) -> float:
        """Of the call of `classify` alone; what it returns works its label out when it is first asked."""
        return _only(self.classify, "classify").ratio(self.call)

    @property
    def labelled_ratio(self) -> float:
        """The same with the label asked for."""
        return self.classify.ratio(self.call)


def _only(pipeline: PipelineTimes, stage: str) -> PipelineTimes:
    place = pipeline.stages.index(stage)
    windows = tuple(tuple((frame[place],) for frame in window) for window in pipeline.windows)
    return PipelineTimes(pipeline.name, pipeline.engine, (stage,), windows)


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
        """The rest: transfer, and waiting for the reader."""
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
        """The goal: at most one frame interval and the classification itself."""
        classify_ms = np.percentile([sample.classify_ms for sample in self.samples], percent)
        return self.interval_ms + float(classify_ms)

    @property
    def misplaced(self) -> int:
        """Frames that were classified again, or after a newer one."""
        numbers = [sample.number for sample in self.samples]
        return sum(later <= earlier for earlier, later in itertools.pairwise(numbers))


@dataclass(frozen=True)
class IdleRun:
    """One run of a camera program."""

    first_label_s: float
    """From the command."""
    cpu_share: float
    """Of one core, all processes of the program together; 0.1 is 10 %."""
    labels_per_s: float
    memory: MemoryUse
    processes: int


@dataclass(frozen=True)
class IdleReport:
    """`edgecls camera` and the naive program, each with a camera of `rate_fps`, in turns."""

    rate_fps: float
    ours: tuple[IdleRun, ...]
    naive: tuple[IdleRun, ...]
    """Empty without a float32 `.onnx` of the same network."""


@dataclass(frozen=True)
class PipelineSettings:
    """How it was measured."""

    threads: int = 1
    seconds: float = 3.0
    """For each pipeline and size; the age of frames takes five times as long, a program's cost as long."""
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
    """The float32 `.onnx` of the naive pipeline."""
    pictures: str
    """What the frames show."""
    sizes: tuple[SizeReport, ...]
    calls: CallReport
    age: AgeReport
    idle: IdleReport
    notes: tuple[str, ...] = ()


# Goals.

FASTER_THAN_NAIVE = {VGA: 3.0, HD: 3.5}
"""Times."""
ABOVE_FLOOR = 1.15
SAME_LABEL = 0.99
ABOVE_CALL = 1.10
IDLE_CPU_SHARE = 0.15
IDLE_MEMORY_BYTES = 130_000_000
FIRST_LABEL_S = 0.5


@dataclass(frozen=True)
class Goal:
    """One figure and its limit."""

    text: str
    value: float
    limit: float
    kind: Literal["at most", "at least"]
    format: str = "{:.2f}"
    """Of value and limit, for people."""

    @property
    def met(self) -> bool:
        """Whether the value keeps the limit."""
        return self.value <= self.limit if self.kind == "at most" else self.value >= self.limit

    @property
    def line(self) -> str:
        """`met: VGA, naive / edgecls: 3.35, goal at least 3.00`."""
        value, limit = self.format.format(self.value), self.format.format(self.limit)
        return f"{'met' if self.met else 'MISSED'}: {self.text}: {value}, goal {self.kind} {limit}"


def goals(report: PipelineReport) -> tuple[Goal, ...]:
    """All that could be measured."""
    parts = [
        *map(_of_size, report.sizes),
        _of_calls(report.calls),
        _of_age(report.age),
        _of_idle(report.idle),
    ]
    return tuple(goal for part in parts for goal in part)


def _of_size(report: SizeReport) -> Iterator[Goal]:
    name = report.size.name
    if report.naive:
        ratio = report.naive.ratio(report.ours)
        yield Goal(f"{name}, naive / edgecls", ratio, FASTER_THAN_NAIVE[report.size], "at least")
    yield Goal(f"{name}, edgecls / floor", report.ours.ratio(report.floor), ABOVE_FLOOR, "at most")
    if report.agreement:
        text = f"{name}, same label as naive, {report.agreement.frames:,} frames"
        yield Goal(text, report.agreement.share, SAME_LABEL, "at least", "{:.2%}")


def _of_calls(report: CallReport) -> Iterator[Goal]:
    yield Goal("classify on a ready input / engine call", report.classify_ratio, ABOVE_CALL, "at most")


def _of_age(report: AgeReport) -> Iterator[Goal]:
    for percent in (50, 95, 99):
        text = f"age with a slow reader, p{percent}, against a frame interval and the classification"
        yield Goal(text, report.age_ms(percent), report.limit_ms(percent), "at most", "{:.0f} ms")
    yield Goal("frames classified twice or out of order", report.misplaced, 0, "at most", "{:.0f}")


def _of_idle(report: IdleReport) -> Iterator[Goal]:
    cpu = median(run.cpu_share for run in report.ours)
    yield Goal(f"{report.rate_fps:g} fps, processor", cpu, IDLE_CPU_SHARE, "at most", "{:.1%} of a core")
    memory = max(run.memory.together_bytes for run in report.ours) / 1e6
    yield Goal("memory of all processes together", memory, IDLE_MEMORY_BYTES / 1e6, "at most", "{:.0f} MB")
    first = median(run.first_label_s for run in report.ours)
    yield Goal("first label after the command", first, FIRST_LABEL_S, "at most", "{:.2f} s")


# JSON.

SCHEMA_VERSION = 1
"""Raised when an older reader would misread it; new fields do not raise it."""


def to_json(report: PipelineReport) -> str:
    """One line of JSON with every figure, every goal and every sample."""
    values = {
        "figures": {
            "sizes": {size.size.name: _figures(size) for size in report.sizes},
            "classify_per_call": report.calls.classify_ratio,
            "classify_and_label_per_call": report.calls.labelled_ratio,
            "age_ms": {f"p{percent}": report.age.age_ms(percent) for percent in (50, 95, 99)},
            "waited_ms": {f"p{percent}": report.age.waited_ms(percent) for percent in (50, 95, 99)},
        },
        "goals": [asdict(goal) | {"met": goal.met} for goal in goals(report)],
        **asdict(report),
    }
    return report_json(SCHEMA_VERSION, values, kind="pipeline")


def _figures(report: SizeReport) -> dict[str, object]:
    return {
        "ms": {
            pipeline.name: {stage: pipeline.stage_ms(stage) for stage in pipeline.stages}
            | {"total": pipeline.total_ms}
            for pipeline in report.pipelines
        },
        "naive_per_edgecls": report.naive and report.naive.ratio(report.ours),
        "edgecls_per_floor": report.ours.ratio(report.floor),
        "agreement": report.agreement and report.agreement.share,
        "decode_agreement": report.decode_agreement.share,
    }


# Text.

_STAGES = ("decode", "swap", "resize", "scale", "engine", "rank")


def render(report: PipelineReport) -> str:
    """The machine, the tables, the goals, and notes."""
    parts = [
        "\n".join(_facts(report)),
        table(
            ["microseconds", *_STAGES, "total", "ratio"],
            [row for size in report.sizes for row in _rows(size)],
        ),
        "\n".join(_legend(report)),
        _calls(report.calls),
        _age(report.age),
        _idle(report.idle),
        "\n".join(goal.line for goal in goals(report)),
        "\n".join(_remarks(report)),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(report: PipelineReport) -> Iterator[str]:
    machine = report.machine
    governor = f"governor {machine.governor}" if machine.governor else "governor not known"
    engines = dict.fromkeys(pipeline.engine for size in report.sizes for pipeline in size.pipelines)
    yield f"machine:  {machine.cpu}, {machine.cores} cores, {governor}, load {machine.load:.2f} before"
    yield f"software: {machine.system}, Python {machine.python}"
    yield f"engines:  {'; '.join(engines)}; threads: {report.settings.threads}"
    yield f"model:    {report.model}" + (f"; naive: {report.naive_model}" if report.naive_model else "")
    sizes = ", ".join(f"{size.size.name} of {size.median_bytes / 1e3:.0f} kB" for size in report.sizes)
    yield f"frames:   {report.settings.frames:,} JPEGs of each size ({sizes}); {report.pictures}"


def _rows(report: SizeReport) -> Iterator[list[str]]:
    for pipeline in report.pipelines:
        stages = [
            f"{pipeline.stage_ms(stage) * 1e3:,.0f}" if stage in pipeline.stages else "-" for stage in _STAGES
        ]
        ratio = f"{pipeline.ratio(report.ours):.2f}"
        yield [f"{report.size.name} {pipeline.name}", *stages, f"{pipeline.total_ms * 1e3:,.0f}", ratio]


def _legend(report: PipelineReport) -> Iterator[str]:
    settings = report.settings
    yield (
        f"Medians of {settings.windows} windows, {settings.seconds:g} s a pipeline, each in its own process, "
        "in turns; all samples are kept."
    )
    yield "naive: full decode, channel swap, INTER_AREA, float32 in numpy, float32 .onnx; threads as ours."
    yield "floor: the reduced decode and the bare engine call; ratio: to edgecls, median over the rounds."
    for size in report.sizes:
        with_naive = f"{size.agreement.share:.1%} with naive, " if size.agreement else ""
        yield (
            f"{size.size.name}: same label on {size.frames:,} frames: {with_naive}"
            f"{size.decode_agreement.share:.1%} with edgecls after a full decode."
        )


def _calls(report: CallReport) -> str:
    classify_us = report.classify.stage_ms("classify") * 1e3
    return (
        f"ready input: engine call {report.call.total_ms * 1e3:.1f} us, "
        f"Classifier.classify {classify_us:.1f} us ({report.classify_ratio:.2f} times that), "
        f"with its label {report.classify.total_ms * 1e3:.1f} us ({report.labelled_ratio:.2f})"
    )


def _age(report: AgeReport) -> str:
    percents = (50, 95, 99)
    rows = [
        ["age when the label comes", *(f"{report.age_ms(percent):.1f}" for percent in percents)],
        ["without the classification", *(f"{report.waited_ms(percent):.1f}" for percent in percents)],
    ]
    return (
        table(["milliseconds", "p50", "p95", "p99"], rows)
        + f"\n{len(report.samples)} frames of a {report.rate_fps:g} fps MJPEG camera, with a classification "
        f"that takes ten times its interval of {report.interval_ms:.1f} ms."
    )


def _idle(report: IdleReport) -> str:
    programs = {"edgecls camera": report.ours, "naive program": report.naive}
    rows = [[name, *_idle_cells(runs)] for name, runs in programs.items() if runs]
    headers = [
        f"{report.rate_fps:g} fps, 640x480",
        "core %",
        "labels/s",
        "together MB",
        "PSS MB",
        "RSS MB",
        "first label s",
    ]
    return (
        table(headers, rows)
        + f"\nMedians of {len(report.ours)} runs, in turn, all processes of a program together; the camera's "
        "own work is not counted."
    )


def _idle_cells(runs: tuple[IdleRun, ...]) -> list[str]:
    return [
        f"{median(run.cpu_share for run in runs) * 100:.1f}",
        f"{median(run.labels_per_s for run in runs):.1f}",
        f"{median(run.memory.together_bytes for run in runs) / 1e6:.0f}",
        f"{median(run.memory.pss_bytes for run in runs) / 1e6:.0f}",
        f"{median(run.memory.rss_bytes for run in runs) / 1e6:.0f}",
        f"{median(run.first_label_s for run in runs):.2f}",
    ]


def _remarks(report: PipelineReport) -> Iterator[str]:
    yield from (f"warning: {line}" for line in report.machine.warnings)
    yield from (f"note: {note}" for note in report.notes)
