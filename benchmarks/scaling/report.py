"""The report of a scaling run: each file's latency by threads or by camera resolution."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from statistics import median
from typing import Any, Literal

from ...edge_runtime.text_table import table
from ..file_report import LatencyReport, Window
from ..machine import Machine, MachineState, load_text, report_json
from ..report import short_names

ScalingKind = Literal["threads", "resolution"]

SCHEMA_VERSION = 1
"""Of the JSON. Raised when an older reader would misread it; new fields do not raise it."""


@dataclass(frozen=True)
class ScalingPoint:
    """One file at one setting."""

    value: int
    """Threads, or pixels of a frame."""
    name: str
    """For people: `2`, `640x480`."""
    windows: tuple[Window, ...]
    """Between which the other points had theirs."""
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    """Medians of the stages that a call consists of; empty where it has one."""

    @cached_property
    def _latency(self) -> LatencyReport:
        return LatencyReport(self.windows)

    @property
    def p50_ms(self) -> float:
        """For each image: the median of the windows' medians."""
        return self._latency.p50_ms

    @property
    def p99_ms(self) -> float:
        """For each image, over all samples of all windows."""
        return self._latency.percentile_ms(99)

    @property
    def cpu_ms(self) -> float | None:
        """Processor time for each image, of all threads; None where it was not measured."""
        spent_ms = self._latency.cpu_ms
        return None if spent_ms is None else spent_ms

    def ratio(self, other: "ScalingPoint") -> float:
        """How many times the other's p50: the median over the rounds, so that drift falls out."""
        mine, others = self._latency.window_medians_ms, other._latency.window_medians_ms
        return median(a / b for a, b in zip(mine, others, strict=True))

    def to_json(self) -> dict[str, Any]:
        """The figures, and every sample that they rest on."""
        return {
            "value": self.value,
            "name": self.name,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "cpu_ms": self.cpu_ms,
            "stages_ms": dict(self.stages_ms),
            "windows": [vars(window) for window in self.windows],
        }


@dataclass(frozen=True)
class ScalingLine:
    """One file at all settings that it can have."""

    path: str
    engine: str = ""
    points: tuple[ScalingPoint, ...] = ()
    note: str = ""
    """Why there are no more points."""
    error: str = ""
    """Why it was not measured, or no further."""
    exit_code: int = 0
    """Of the error."""

    @property
    def best(self) -> ScalingPoint:
        """The point with the least time for each image."""
        return min(self.points, key=lambda point: point.p50_ms)

    def to_json(self) -> dict[str, Any]:
        """With every sample."""
        return {**vars(self), "points": [point.to_json() for point in self.points]}


@dataclass(frozen=True)
class ScalingSettings:
    """How it was measured."""

    threads: int = 1
    """Where these are not what is varied."""
    seconds: float = 3.0
    """For each point."""
    windows: int = 12
    """That these seconds are split into."""


@dataclass(frozen=True)
class ScalingReport:
    """All files, on one machine."""

    kind: ScalingKind
    created_at: str
    """ISO 8601, with its offset from UTC."""
    machine: Machine
    """Before the first measurement."""
    after: MachineState
    settings: ScalingSettings
    pictures: str
    """What was classified, for people."""
    lines: tuple[ScalingLine, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the figures may be unreliable, one line each."""
        return (*self.machine.warnings, *self.after.warnings)

    @property
    def text(self) -> str:
        """For people: see `render_scaling`."""
        return render_scaling(self)

    def to_json(self) -> str:
        """One line of JSON with every figure and every sample."""
        values = {
            "scaling": self.kind,
            "created_at": self.created_at,
            "machine": asdict(self.machine),
            "after": asdict(self.after),
            "settings": asdict(self.settings),
            "pictures": self.pictures,
            "lines": [line.to_json() for line in self.lines],
        }
        return report_json(SCHEMA_VERSION, values)


# The report as text.

_HEADERS: dict[ScalingKind, str] = {"threads": "threads", "resolution": "frame"}
_HELPS = 0.95
"""Of the first point's time: more is what chance alone gives."""


def render_scaling(report: ScalingReport, width: int | None = None) -> str:
    """The machine, a row for each point, what the figures mean, and what a reader must know."""
    names = line_names(report)
    measured = [(name, line) for name, line in zip(names, report.lines, strict=True) if line.points]
    stages = list(dict.fromkeys(stage for _, line in measured for stage in line.points[0].stages_ms))
    middle = [*stages, "fps"] if stages else ["CPU ms"]
    headers = ["file", _HEADERS[report.kind], "p50 ms", "p99 ms", *middle, "ratio"]
    rows = [_row(name, line, point, stages) for name, line in measured for point in line.points]
    parts = [
        "\n".join(_facts(report)),
        table(headers, rows, width) if rows else "",
        "\n".join(_legend(report)),
        "\n".join(_findings(report, measured)),
        "\n".join(_remarks(report, names)),
    ]
    return "\n\n".join(part for part in parts if part)


def line_names(report: ScalingReport) -> list[str]:
    """A short name for each file: the end of its name, where the beginning is the same for all."""
    ends = [name.lstrip("…._") for name in short_names([line.path for line in report.lines])]
    return ends if all(ends) and len(set(ends)) == len(ends) else [line.path for line in report.lines]


def _facts(report: ScalingReport) -> Iterator[str]:
    machine = report.machine
    governor = f"governor {machine.governor}" if machine.governor else "governor not known"
    engines = dict.fromkeys(line.engine for line in report.lines if line.engine)
    threads = "" if report.kind == "threads" else f"; threads: {report.settings.threads}"
    yield f"machine:  {machine.cpu}, {machine.cores} cores, {governor}, {load_text(machine.load)} before"
    yield f"software: {machine.system}, Python {machine.python}"
    yield f"engines:  {'; '.join(engines)}{threads}"
    yield f"pictures: {report.pictures}"


def _row(name: str, line: ScalingLine, point: ScalingPoint, stages: list[str]) -> list[str]:
    if stages:
        middle = [*(f"{point.stages_ms[stage]:.3f}" for stage in stages), f"{1000 / point.p99_ms:,.0f}"]
    else:
        middle = ["-" if point.cpu_ms is None else f"{point.cpu_ms:.3f}"]
    ratio = f"{point.ratio(line.points[0]):.2f}"
    return [name, point.name, f"{point.p50_ms:.3f}", f"{point.p99_ms:.3f}", *middle, ratio]


def _legend(report: ScalingReport) -> Iterator[str]:
    settings = report.settings
    yield (
        f"p50, p99: {settings.seconds:g} s a point in {settings.windows} windows; points take turns, no "
        "sample is left out."
    )
    yield "ratio: p50 relative to the file's first point, median over the rounds."
    match report.kind:
        case "threads":
            yield "One image at a time. CPU: processor time of all threads, which costs heat and battery."
        case "resolution":
            yield "From a JPEG in memory to a label, as in `edgecls camera`; stages are medians."
            yield "fps: frames per second of which 99 in 100 are done in time, 1 / p99."


def _findings(report: ScalingReport, measured: list[tuple[str, ScalingLine]]) -> Iterator[str]:
    """Whether more threads help, in words."""
    for name, line in measured:
        first, best = line.points[0], line.best
        if report.kind != "resolution" and len(line.points) > 1:
            if best.ratio(first) < _HELPS:
                yield f"{name}: best with {best.name} threads, {_gain(first, best)}"
            else:
                yield f"{name}: more threads did not help"


def _gain(first: ScalingPoint, best: ScalingPoint) -> str:
    """All three, since one may get better at the cost of the others."""
    figures = [f"p50 {best.ratio(first):.2f}", f"p99 {best.p99_ms / first.p99_ms:.2f}"]
    if first.cpu_ms and best.cpu_ms:
        figures.append(f"CPU {best.cpu_ms / first.cpu_ms:.2f}")
    return f"{', '.join(figures)} times that of one"


def _remarks(report: ScalingReport, names: list[str]) -> Iterator[str]:
    yield from (f"warning: {warning}" for warning in report.warnings)
    notes: dict[str, list[str]] = {}
    for name, line in zip(names, report.lines, strict=True):
        if line.note:
            notes.setdefault(line.note, []).append(name)
    yield from (f"note: {', '.join(sharing)}: {note}" for note, sharing in notes.items())
    yield from (f"error: {line.error}" for line in report.lines if line.error)
