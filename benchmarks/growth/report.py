"""What a sweep found: how the cost of each file grows with threads, batch or the camera's resolution."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from statistics import median
from typing import Any, Literal

from ..machine import Machine, MachineState
from ..report import LatencyReport, Window

SweepKind = Literal["threads", "batch", "resolution"]

SCHEMA_VERSION = 1
"""Of the JSON. Raised when an older reader would misread it; new fields do not raise it."""


@dataclass(frozen=True)
class SweepPoint:
    """One file at one setting."""

    value: int
    """Threads, images in a batch, or pixels of a frame."""
    name: str
    """For people: `2`, `640x480`."""
    windows: tuple[Window, ...]
    """Between which the other points had theirs. A sample is one call, which classifies `images`."""
    images: int = 1
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    """Medians of the stages that a call consists of; empty where it has one."""

    @cached_property
    def _latency(self) -> LatencyReport:
        return LatencyReport(self.windows)

    @property
    def p50_ms(self) -> float:
        """For each image: the median of the windows' medians."""
        return self._latency.p50_ms / self.images

    @property
    def p99_ms(self) -> float:
        """For each image, over all samples of all windows."""
        return self._latency.percentile_ms(99) / self.images

    @property
    def cpu_ms(self) -> float | None:
        """Processor time for each image, of all threads; None where it was not measured."""
        spent_ms = self._latency.cpu_ms
        return None if spent_ms is None else spent_ms / self.images

    def ratio(self, other: "SweepPoint") -> float:
        """How many times the other's p50: the median over the rounds, so that drift falls out."""
        mine, others = self._latency.window_medians_ms, other._latency.window_medians_ms
        return median(a / b for a, b in zip(mine, others, strict=True)) * other.images / self.images

    def to_json(self) -> dict[str, Any]:
        """The figures, and every sample that they rest on."""
        return {
            "value": self.value,
            "name": self.name,
            "images": self.images,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "cpu_ms": self.cpu_ms,
            "stages_ms": dict(self.stages_ms),
            "windows": [vars(window) for window in self.windows],
        }


@dataclass(frozen=True)
class SweepLine:
    """One file at all settings that it can have."""

    path: str
    engine: str = ""
    points: tuple[SweepPoint, ...] = ()
    note: str = ""
    """Why there are no more points."""
    error: str = ""
    """Why it was not measured, or no further."""
    exit_code: int = 0
    """Of the error."""

    @property
    def best(self) -> SweepPoint:
        """The point with the least time for each image."""
        return min(self.points, key=lambda point: point.p50_ms)

    def to_json(self) -> dict[str, Any]:
        """With every sample."""
        return {**vars(self), "points": [point.to_json() for point in self.points]}


@dataclass(frozen=True)
class SweepSettings:
    """How it was measured."""

    threads: int = 1
    """Where these are not what is swept."""
    seconds: float = 3.0
    """For each point."""
    windows: int = 12
    """That these seconds are split into."""


@dataclass(frozen=True)
class SweepReport:
    """All files, on one machine."""

    kind: SweepKind
    created_at: str
    """ISO 8601, with its offset from UTC."""
    machine: Machine
    """Before the first measurement."""
    after: MachineState
    settings: SweepSettings
    pictures: str
    """What was classified, for people."""
    lines: tuple[SweepLine, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the figures doubtful, one line each."""
        return (*self.machine.warnings, *self.after.warnings)

    def to_json(self) -> str:
        """One line of JSON with every figure and every sample."""
        document = {
            "schema": SCHEMA_VERSION,
            "edgecls": version("edgecls"),
            "sweep": self.kind,
            "created_at": self.created_at,
            "machine": asdict(self.machine),
            "after": asdict(self.after),
            "settings": asdict(self.settings),
            "pictures": self.pictures,
            "lines": [line.to_json() for line in self.lines],
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
