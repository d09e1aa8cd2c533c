"""What came of a sweep: every int8 file ranked, as a table and as JSON."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import PurePath
from statistics import median
from typing import Any

from ..benchmarks.accuracy import share
from ..benchmarks.machine import Machine, report_json
from ..edge_runtime.text import Heading, table
from .trial import FileRecord, TrialRecord

# Which files are worth having: their order, the Pareto front, and the best one within limits.


@dataclass(frozen=True)
class Candidate:
    """One int8 file."""

    path: str
    format: str
    """`TFLite` or `ONNX`."""
    network: str
    """Files of the same network and format differ in their weights alone."""
    val_accuracy: float
    """Top-1 on the validation split, 0 to 1."""
    size_bytes: int
    p50_ms: float
    """For one picture."""
    usual_bytes: float | None = None
    """Of its network and format, to compare sizes by; None is its own size."""

    @property
    def size_kb(self) -> int:
        """In 1,000 bytes, rounded up."""
        return math.ceil(self.size_bytes / 1000)


@dataclass(frozen=True)
class Limits:
    """What a device bears; None is no limit."""

    max_kb: float | None = None
    """In 1,000 bytes."""
    max_ms: float | None = None
    """Of the median time for one picture."""

    def excess(self, candidate: Candidate) -> float:
        """How many times the limit a file takes, of the one that it is farthest beyond; up to 1 it fits."""
        used = [(candidate.size_bytes / 1000, self.max_kb), (candidate.p50_ms, self.max_ms)]
        return max((value / limit for value, limit in used if limit is not None), default=0.0)

    @property
    def text(self) -> str:
        """For people, such as `200 kB and 5 ms`; empty without any."""
        limits = ((self.max_kb, "kB"), (self.max_ms, "ms"))
        return " and ".join(f"{limit:g} {unit}" for limit, unit in limits if limit is not None)


def with_shared_costs(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Gives files of the same network and format the median of their times, and of their sizes as the usual.

    They do the same arithmetic with other weights: what their times differ in is the machine's noise, and
    their sizes the text of the card. Either would put one of them on the front for nothing.
    """
    alike: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for one in candidates:
        alike[one.network, one.format].append(one)
    return tuple(
        replace(
            one,
            p50_ms=median(other.p50_ms for other in alike[one.network, one.format]),
            usual_bytes=median(other.size_bytes for other in alike[one.network, one.format]),
        )
        for one in candidates
    )


def ranked(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The most accurate first; of equals the faster, then the smaller."""
    return tuple(sorted(candidates, key=_merit))


def pareto_front(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Those that no other file beats, ranked: none is at least as good in all three and better in one.

    The three are validation accuracy, time, and the usual size in whole kB.
    """
    return ranked(one for one in candidates if not any(_beats(other, one) for other in candidates))


def best_within(candidates: Iterable[Candidate], limits: Limits) -> Candidate | None:
    """The first of the ranking that is within the limits; None where none is."""
    return next((one for one in ranked(candidates) if limits.excess(one) <= 1), None)


def nearest_to(candidates: Iterable[Candidate], limits: Limits) -> Candidate:
    """The file that is least beyond the limits, which none is within."""
    return min(ranked(candidates), key=limits.excess)


def _merit(one: Candidate) -> tuple[float, float, int, str]:
    return -one.val_accuracy, one.p50_ms, one.size_bytes, one.path


def _beats(one: Candidate, other: Candidate) -> bool:
    costs, others = _costs(one), _costs(other)
    return costs != others and all(cost <= its for cost, its in zip(costs, others, strict=True))


def _costs(one: Candidate) -> tuple[float, float, int]:
    size_bytes = one.size_bytes if one.usual_bytes is None else one.usual_bytes
    return -one.val_accuracy, one.p50_ms, math.ceil(size_bytes / 1000)


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
        values = {
            "created_at": self.created_at,
            "data": self.data,
            "machine": asdict(self.machine),
            "warnings": self.warnings,
            "limits": asdict(self.limits),
            "best": self.best and self.best.path,
            "files": [self._file(one) for one in self.ranking],
            "failures": [asdict(failure) for failure in self.failures],
        }
        return report_json(SCHEMA_VERSION, values, indent=1)

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


def render(report: SweepReport, width: int | None = None) -> str:
    """The machine, the table, and what a reader must know of it."""
    shown = [one for place, one in enumerate(report.ranking) if place < _SHOWN or one in report.front]
    rows = [_cells(report, one) for one in shown]
    hidden = len(report.ranking) - len(shown)
    lines = [
        f"times:    {report.machine.cpu}, {report.machine.cores} cores, one thread, one picture at a time",
        "",
        table(("int8 file", "validation %", "kB", "p50 ms", Heading("front", -1)), rows, width),
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
