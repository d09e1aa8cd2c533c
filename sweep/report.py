"""What came of a sweep: every int8 file ranked, as a table and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

from ..benchmarks.intervals import share
from ..benchmarks.machine import Machine
from ..edge_runtime.table import table
from .rank import Candidate, Limits, best_within, pareto_front, ranked, with_shared_costs
from .trial_record import FileRecord, TrialRecord

SCHEMA_VERSION = 1
"""Of the JSON. Raised when an older reader would misread it; new fields do not raise it."""
_SHOWN = 30
"""Rows of the table; files on the front are always shown."""


@dataclass(frozen=True)
class Measured:
    """One int8 file with its own times."""

    path: str
    trial: TrialRecord
    record: FileRecord
    size_bytes: int
    p50_ms: float
    p90_ms: float
    p99_ms: float

    @property
    def candidate(self) -> Candidate:
        """As it is ranked."""
        return Candidate(
            self.path,
            "TFLite" if self.path.endswith(".tflite") else "ONNX",
            self.trial.point.network,
            self.record.val_accuracy,
            self.size_bytes,
            self.p50_ms,
        )


@dataclass(frozen=True)
class Failure:
    """A training without files, or a file without times."""

    name: str
    text: str
    exit_code: int


@dataclass(frozen=True)
class SweepReport:
    """All files of a sweep, timed side by side on one machine."""

    created_at: str
    """ISO 8601, with its offset from UTC."""
    data: str
    machine: Machine
    """That the times are of."""
    warnings: tuple[str, ...]
    """What makes the times doubtful, one line each."""
    limits: Limits
    files: tuple[Measured, ...]
    failures: tuple[Failure, ...] = ()

    @cached_property
    def ranking(self) -> tuple[Candidate, ...]:
        """The most accurate on validation first, costs shared by files of the same network."""
        return ranked(with_shared_costs([file.candidate for file in self.files]))

    @cached_property
    def front(self) -> tuple[Candidate, ...]:
        """Those that no other beats in accuracy, time and size together."""
        return pareto_front(self.ranking)

    @cached_property
    def best(self) -> Candidate | None:
        """The most accurate within the limits; None where none is."""
        return best_within(self.ranking, self.limits)

    def measured(self, candidate: Candidate) -> Measured:
        """What a file of the ranking was made from."""
        return next(file for file in self.files if file.path == candidate.path)

    def to_json(self) -> str:
        """Everything, the best first."""
        document = {
            "schema": SCHEMA_VERSION,
            "edgecls": version("edgecls"),
            "created_at": self.created_at,
            "data": self.data,
            "machine": asdict(self.machine),
            "warnings": self.warnings,
            "limits": asdict(self.limits),
            "best": self.best and self.best.path,
            "files": [self._file(one) for one in self.ranking],
            "failures": [asdict(failure) for failure in self.failures],
        }
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"

    def _file(self, one: Candidate) -> dict[str, Any]:
        file = self.measured(one)
        return {
            **asdict(one),
            "on_front": one in self.front,
            "val_images": file.trial.val_images,
            "own_times_ms": {"p50": file.p50_ms, "p90": file.p90_ms, "p99": file.p99_ms},
            "point": asdict(file.trial.point),
            "commands": file.trial.commands,
            "node": file.trial.node,
            "seconds": file.trial.seconds,
            "data_sha256": file.trial.data_sha256,
        }


def render(report: SweepReport) -> str:
    """The machine, the table, and what a reader must know of it."""
    shown = [one for place, one in enumerate(report.ranking) if place < _SHOWN or one in report.front]
    rows = [_cells(report, one) for one in shown]
    hidden = len(report.ranking) - len(shown)
    lines = [
        f"times:    {report.machine.cpu}, {report.machine.cores} cores, one thread, one picture at a time",
        "",
        table(("int8 file", "validation %", "kB", "p50 ms", "front"), rows),
        *([f"and {hidden:,} more; they are all in results.json"] if hidden else []),
        "",
        "front: no other file is at least as accurate, fast and small, and better in one of them.",
        *_doubts(report),
    ]
    return "\n".join(lines)


def _doubts(report: SweepReport) -> list[str]:
    """How far the first of the ranking can be told from the others, and warnings."""
    first = report.ranking[0]
    images = report.measured(first).trial.val_images
    interval = share(round(first.val_accuracy * images), images)
    lines = [f"warning: {line}" for line in report.warnings]
    if interval:
        near = sum(one.val_accuracy >= interval.low for one in report.ranking[1:])
        lines.insert(
            0,
            f"validation: on {images:,} images; {near} of the {len(report.ranking) - 1} files after the "
            "first are within its 95 % interval.",
        )
    return lines


def _cells(report: SweepReport, one: Candidate) -> Sequence[str]:
    images = report.measured(one).trial.val_images
    interval = share(round(one.val_accuracy * images), images)
    spread = interval and max(one.val_accuracy - interval.low, interval.high - one.val_accuracy)
    return (
        PurePath(one.path).name,
        f"{100 * one.val_accuracy:.2f}" + (f" ±{100 * spread:.2f}" if spread else ""),
        f"{one.size_kb:,}",
        f"{one.p50_ms:.3f}",
        "*" if one in report.front else "",
    )
