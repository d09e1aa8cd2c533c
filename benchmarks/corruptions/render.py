"""The report of corruptions as plain text that a README takes as it is."""

from collections.abc import Iterator

from ...edge_runtime.table import table
from ..intervals import Interval
from .corrupt import CORRUPTIONS
from .report import CorruptionReport, FileReport
from .scores import JPEG_FROM, JPEG_TO, Drop, Scores


def render(report: CorruptionReport) -> str:
    """What was measured, a table for each file, what the figures mean, and what a reader must know."""
    data = report.data
    parts = [
        "\n".join(_facts(report)),
        *(_file(file, file.scores, data.height_px, data.width_px) for file in report.files if file.scores),
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


def _file(file: FileReport, scores: Scores, height_px: int, width_px: int) -> str:
    clean = f"{100 * scores.accuracy:.2f}{_spread(100 * scores.accuracy, scores.accuracy_interval, 100)}"
    rows = [
        _row(
            corruption.describe(*corruption.values(height_px, width_px)),
            scores.accuracies(corruption.name),
            scores.drop_under(corruption.name),
        )
        for corruption in CORRUPTIONS
    ]
    rows.append(_row("mean", scores.mean_accuracies, scores.drop))
    return "\n".join(
        [
            f"{file.path}: {clean} % top-1 of the images as they are",
            "",
            table(["top-1 %, by level", "1", "2", "3", "4", "5", "mean", "lost"], rows),
            "",
            f"From JPEG quality {JPEG_FROM} to {JPEG_TO} it loses {_text(scores.jpeg_drop)} points.",
        ]
    )


def _row(text: str, accuracies: tuple[float, ...], drop: Drop) -> list[str]:
    levels = (*accuracies, sum(accuracies) / len(accuracies))
    return [text, *(f"{100 * accuracy:.2f}" for accuracy in levels), _text(drop)]


def _text(drop: Drop) -> str:
    return f"{drop.points:.2f}{_spread(drop.points, drop.interval_points)}"


def _spread(value: float, interval: Interval | None, factor: float = 1) -> str:
    """The farther end, where they differ: nobody is told less uncertainty than there is."""
    if interval is None:
        return ""
    return f" ±{max(abs(factor * end - value) for end in (interval.low, interval.high)):.2f}"


def _legend() -> Iterator[str]:
    yield "Levels as in CIFAR-10-C (Hendrycks and Dietterich, 2019), at the network's input size; JPEG and"
    yield "the darkening are our own. Every file is asked the same images."
    yield "lost: points from the images as they are to the mean of the levels; ±: 95 % interval, paired."


def _remarks(report: CorruptionReport) -> Iterator[str]:
    if any(file.scores and not file.scores.accuracy_interval for file in report.files):
        yield "note: some intervals need scipy, which is not installed here"
    yield from (f"error: {file.error}" for file in report.files if file.error)
