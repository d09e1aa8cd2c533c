"""The results of a sweep: the files ranked, the Pareto front, the best within limits; as table and JSON."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import PurePath
from statistics import median
from typing import Any

from ..benchmarks.machine import Machine, report_json
from ..data.intervals import percentage, share
from ..edge_runtime.text_table import Heading, table
from .trial import FileRecord, TrialRecord


@dataclass(frozen=True)
class Candidate:
    """One int8 file, as it is ranked."""

    path: str
    format: str
    """`TFLite` or `ONNX`."""
    network: str
    """Files of the same network and format differ in their weights only."""
    val_accuracy: float
    """Top-1 on the validation split, 0 to 1."""
    size_bytes: int
    p50_ms: float
    """For one picture."""
    usual_bytes: float | None = None
    """The median for its network and format, used to compare sizes; None is its own size."""

    @property
    def size_kb(self) -> int:
        """In 1,000 bytes, rounded up."""
        return math.ceil(self.size_bytes / 1000)


@dataclass(frozen=True)
class Limits:
    """Limits of a device; None is no limit."""

    max_kb: float | None = None
    """In 1,000 bytes."""
    max_ms: float | None = None
    """For the median time for one picture."""

    def excess(self, candidate: Candidate) -> float:
        """Returns the largest ratio of a file's cost to its limit; up to 1 the file fits."""
        used = [(candidate.size_bytes / 1000, self.max_kb), (candidate.p50_ms, self.max_ms)]
        return max((value / limit for value, limit in used if limit is not None), default=0.0)

    @property
    def text(self) -> str:
        """As text, such as `200 kB and 5 ms`; empty without limits."""
        limits = ((self.max_kb, "kB"), (self.max_ms, "ms"))
        return " and ".join(f"{limit:g} {unit}" for limit, unit in limits if limit is not None)


def with_shared_costs(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Returns the files with the median time, and the median size, of those with the same network and format.

    They do the same arithmetic with other weights. Their times differ by the machine's noise, their sizes by
    the text of the card; either would put one of them on the front for no reason.
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
    """Returns the most accurate first; of equals the faster, then the smaller."""
    return tuple(sorted(candidates, key=_merit))


def pareto_front(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Returns the Pareto front, ranked: no other file is at least as good in all three and better in one.

    The three are validation accuracy, time, and median size in whole kB.
    """
    return ranked(one for one in candidates if not any(_beats(other, one) for other in candidates))


def best_within(candidates: Iterable[Candidate], limits: Limits) -> Candidate | None:
    """Returns the first of the ranking within the limits, or None."""
    return next((one for one in ranked(candidates) if limits.excess(one) <= 1), None)


def nearest_to(candidates: Iterable[Candidate], limits: Limits) -> Candidate:
    """Returns the file that exceeds the limits least."""
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
class TimedFile:
    """One int8 file with its measured times."""

    path: str
    trial: TrialRecord
    record: FileRecord
    size_bytes: int
    p50_ms: float
    p90_ms: float
    p99_ms: float

    @property
    def candidate(self) -> Candidate:
        """The file as it is ranked."""
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
    """A training that gave no files, or a file that could not be timed."""

    name: str
    text: str
    exit_code: int


@dataclass(frozen=True)
class SweepReport:
    """All files of a sweep, timed together on one machine."""

    created_at: str
    """ISO 8601, with its offset from UTC."""
    data: str
    machine: Machine
    """The machine that the files were timed on."""
    warnings: tuple[str, ...]
    """Reasons to doubt the times, one line each."""
    limits: Limits
    files: tuple[TimedFile, ...]
    failures: tuple[Failure, ...] = ()

    @cached_property
    def ranking(self) -> tuple[Candidate, ...]:
        """The most accurate on validation first; files of the same network share their costs."""
        return ranked(with_shared_costs([file.candidate for file in self.files]))

    @cached_property
    def front(self) -> tuple[Candidate, ...]:
        """The Pareto front in accuracy, time and size."""
        return pareto_front(self.ranking)

    @cached_property
    def best(self) -> Candidate | None:
        """The most accurate within the limits, or None."""
        return best_within(self.ranking, self.limits)

    def measured(self, candidate: Candidate) -> TimedFile:
        """Returns the measurements of a file in the ranking."""
        return next(file for file in self.files if file.path == candidate.path)

    def to_json(self) -> str:
        """Returns everything as JSON, the best file first."""
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
    """Returns the machine, the table, and what to know about it."""
    shown = [one for place, one in enumerate(report.ranking) if place < _SHOWN or one in report.front]
    rows = [_cells(report, one) for one in shown]
    hidden = len(report.ranking) - len(shown)
    lines = [
        f"times:    {report.machine.cpu}, {report.machine.cores} cores, one thread, one picture at a time",
        "",
        table(("int8 file", "validation %", "kB", "p50 ms", Heading("front", -1)), rows, width),
        *([f"and {hidden:,} more; they are all in results.json"] if hidden else []),
        "",
        "validation: with its 95 % interval.",
        "front: no other file is at least as accurate, fast and small, and better in one of them.",
        *_caveats(report),
    ]
    return "\n".join(lines)


def _caveats(report: SweepReport) -> list[str]:
    """Returns how many files are not clearly worse than the first, and warnings."""
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
    return (
        PurePath(one.path).name,
        percentage(one.val_accuracy, interval and interval.low, interval and interval.high),
        f"{one.size_kb:,}",
        f"{one.p50_ms:.3f}",
        "*" if one in report.front else "",
    )
