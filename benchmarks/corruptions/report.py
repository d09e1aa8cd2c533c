"""The report of corruptions: what they cost each file, as values, JSON and text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...data.intervals import Interval, paired_difference, paired_mean, percentage, share
from ...edge_runtime.text_table import table
from ..file_report import DataReport, JsonValue
from ..machine import Machine, report_json
from ..test_images import HeldOut
from .corrupt import CORRUPTIONS, Corruption

JPEG_FROM, JPEG_TO = 100, 50
"""The loss of accuracy is stated between these qualities: a good camera, and a slow connection."""
_JPEG = next(corruption for corruption in CORRUPTIONS if corruption.name == "jpeg")


@dataclass(frozen=True)
class Drop:
    """Accuracy lost, in percentage points; negative where it is better."""

    points: float
    interval_points: Interval | None
    """95 %, paired: of the same images. None where it needs scipy, which is not on a device."""


@dataclass(frozen=True)
class Scores:
    """Which images a file recognises."""

    clean: np.ndarray
    """As they are: bool (N,)."""
    corrupted: Mapping[str, np.ndarray]
    """Under each corruption, by its name: bool (5, N), level by level."""

    @property
    def accuracy(self) -> float:
        """Top-1 of the images as they are, 0 to 1."""
        return float(self.clean.mean())

    @property
    def accuracy_interval(self) -> Interval | None:
        """95 %; None without scipy."""
        return share(int(self.clean.sum()), len(self.clean))

    def accuracies(self, name: str) -> tuple[float, ...]:
        """Top-1 under a corruption, 0 to 1, level by level."""
        return tuple(float(level.mean()) for level in self.corrupted[name])

    @property
    def mean_accuracies(self) -> tuple[float, ...]:
        """The mean of all corruptions, 0 to 1, level by level."""
        levels = np.mean([level.mean(axis=1) for level in self.corrupted.values()], axis=0)
        return tuple(float(level) for level in levels)

    @cached_property
    def mean_accuracy(self) -> float:
        """The mean of all corruptions and levels, 0 to 1."""
        return float(self._all_levels.mean())

    @cached_property
    def drop(self) -> Drop:
        """From the images as they are to the mean of all corruptions and levels."""
        return self._drop_to(self._all_levels)

    def drop_under(self, name: str) -> Drop:
        """To the mean of the levels of one corruption."""
        return self._drop_to(self.corrupted[name])

    def drop_at(self, name: str, level: int) -> Drop:
        """To one level of a corruption, 0 to 4."""
        return _drop_between(self.clean, self.corrupted[name][level])

    @cached_property
    def jpeg_drop(self) -> Drop:
        """From JPEG quality `JPEG_FROM` to `JPEG_TO`."""
        before, after = (self.corrupted["jpeg"][_JPEG.levels.index(value)] for value in (JPEG_FROM, JPEG_TO))
        return _drop_between(before, after)

    @property
    def _all_levels(self) -> np.ndarray:
        """Bool (5 x corruptions, N)."""
        return np.concatenate(list(self.corrupted.values()))

    def _drop_to(self, levels: np.ndarray) -> Drop:
        """To the mean of bool (L, N)."""
        lost_points = 100 * (self.clean - levels.mean(axis=0))
        return Drop(float(lost_points.mean()), paired_mean(lost_points))


def _drop_between(before: np.ndarray, after: np.ndarray) -> Drop:
    """From bool (N,) to bool (N,) of the same images."""
    lost, gained = int((before & ~after).sum()), int((~before & after).sum())
    interval = paired_difference(lost, gained, len(before))
    points = 100 * (lost - gained) / len(before)
    return Drop(points, interval and Interval(100 * interval.low, 100 * interval.high))


# The report: plain values that JSON and the table are made from.

SCHEMA_VERSION = 1
"""Of the JSON. Raised when an older reader would misread it; new fields do not raise it."""

CORRUPTION_FIGURES = (
    "accuracy",
    "mean_accuracy",
    "drop_points",
    "jpeg_drop_points",
    *(f"{corruption.name}_mean_drop_points" for corruption in CORRUPTIONS),
)
"""Of each file. `jpeg_drop_points` is from quality 100 to 50, the others are from the images as they are."""


@dataclass(frozen=True)
class CorruptedFileReport:
    """One model file."""

    path: str
    """As the user named it, or as it was found."""
    engine: str = ""
    """The engine and its version."""
    scores: Scores | None = None
    error: str | None = None
    """Why there are no scores."""
    exit_code: int = 0
    """Of the error."""

    @property
    def figures(self) -> dict[str, JsonValue]:
        """One value for each of `CORRUPTION_FIGURES`; None where nothing was measured."""
        scores = self.scores
        if scores is None:
            return dict.fromkeys(CORRUPTION_FIGURES)
        values = (
            scores.accuracy,
            scores.mean_accuracy,
            scores.drop.points,
            scores.jpeg_drop.points,
            *(scores.drop_under(corruption.name).points for corruption in CORRUPTIONS),
        )
        return dict(zip(CORRUPTION_FIGURES, values, strict=True))

    def to_json(self, height_px: int, width_px: int) -> dict[str, Any]:
        """The figures with their intervals, and every level; of images of this size."""
        scores = self.scores
        return {
            "path": self.path,
            "engine": self.engine,
            **self.figures,
            "accuracy_interval": scores and scores.accuracy_interval and asdict(scores.accuracy_interval),
            "drop": scores and asdict(scores.drop),
            "jpeg_drop": scores and asdict(scores.jpeg_drop),
            "corruptions": [
                _to_json(scores, corruption, corruption.values(height_px, width_px))
                for corruption in CORRUPTIONS
                if scores
            ],
            "error": self.error,
        }


@dataclass(frozen=True)
class CorruptionReport:
    """All files, on the same images."""

    created_at: str
    """ISO 8601, with its offset from UTC."""
    machine: Machine
    data: DataReport
    threads: int
    files: tuple[CorruptedFileReport, ...]
    tests: HeldOut | None = field(default=None, repr=False, compare=False)
    """The images themselves, for a picture of what the corruptions do; not part of the JSON."""

    @property
    def text(self) -> str:
        """For people: see `render_corruptions`."""
        return render_corruptions(self)

    def to_json(self) -> str:
        """One line of JSON with every figure."""
        values = {
            "created_at": self.created_at,
            "machine": asdict(self.machine),
            "data": asdict(self.data),
            "threads": self.threads,
            "files": [file.to_json(self.data.height_px, self.data.width_px) for file in self.files],
        }
        return report_json(SCHEMA_VERSION, values, kind="corruptions")


def _to_json(scores: Scores, corruption: Corruption, values: Sequence[float]) -> dict[str, Any]:
    name = corruption.name
    return {
        "name": name,
        "parameter": corruption.text,
        "mean_drop": asdict(scores.drop_under(name)),
        "levels": [
            {"value": value, "accuracy": accuracy, "drop": asdict(scores.drop_at(name, level))}
            for level, (value, accuracy) in enumerate(zip(values, scores.accuracies(name), strict=True))
        ],
    }


# The report as text.


def render_corruptions(report: CorruptionReport, width: int | None = None) -> str:
    """What was measured, a table for each file, what the figures mean, and what a reader must know."""
    data = report.data
    parts = [
        "\n".join(_facts(report)),
        *(
            _file(file, file.scores, (data.height_px, data.width_px), width)
            for file in report.files
            if file.scores
        ),
        "\n".join(_legend()),
        "\n".join(_remarks(report)),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(report: CorruptionReport) -> Iterator[str]:
    machine, data = report.machine, report.data
    engines = dict.fromkeys(file.engine for file in report.files if file.engine)
    limited = f" of {data.available:,}" if data.images < data.available else ""
    yield f"machine:  {machine.cpu}, {machine.cores} cores, {machine.system}, Python {machine.python}"
    yield f"engines:  {'; '.join(engines)}; threads: {report.threads}"
    yield (
        f"data:     {data.name}, {data.images:,}{limited} test images, {data.height_px}x{data.width_px} px, "
        f"{data.classes} classes"
    )


def _file(file: CorruptedFileReport, scores: Scores, size_px: tuple[int, int], width: int | None) -> str:
    ends = scores.accuracy_interval
    clean = percentage(scores.accuracy, ends and ends.low, ends and ends.high)
    rows = [
        _row(
            corruption.describe(*corruption.values(*size_px)),
            scores.accuracies(corruption.name),
            scores.drop_under(corruption.name),
        )
        for corruption in CORRUPTIONS
    ]
    rows.append(_row("mean", scores.mean_accuracies, scores.drop))
    return "\n".join(
        [
            f"{file.path}: {clean} % top-1 accuracy on the original images",
            "",
            table(["top-1 %, by level", "1", "2", "3", "4", "5", "mean", "lost"], rows, width),
            "",
            f"From JPEG quality {JPEG_FROM} to {JPEG_TO} it loses {_text(scores.jpeg_drop)} points.",
        ]
    )


def _row(text: str, accuracies: tuple[float, ...], drop: Drop) -> list[str]:
    levels = (*accuracies, sum(accuracies) / len(accuracies))
    return [text, *(f"{100 * accuracy:.2f}" for accuracy in levels), _text(drop)]


def _text(drop: Drop) -> str:
    """Points lost, with the larger side of the interval, so that no uncertainty is understated."""
    ends = drop.interval_points
    spread = f" ±{max(abs(end - drop.points) for end in (ends.low, ends.high)):.2f}" if ends else ""
    return f"{drop.points:.2f}{spread}"


def _legend() -> Iterator[str]:
    yield "Levels as in CIFAR-10-C (Hendrycks and Dietterich, 2019), at the network's input size; those of"
    yield "JPEG and darkness are defined by edgecls. Every file sees the same images."
    yield "lost: percentage points, from the original images to the mean of the levels."
    yield "After ± and in parentheses: 95 % intervals."


def _remarks(report: CorruptionReport) -> Iterator[str]:
    if any(file.scores and not file.scores.accuracy_interval for file in report.files):
        yield "note: some intervals need scipy, which is not installed here"
    yield from (f"warning: {warning}" for warning in report.data.warnings)
    yield from (f"error: {file.error}" for file in report.files if file.error)
