"""Which of the measured files to take to the device."""

from .report import KERAS, BenchReport, FileReport

TOLERANCE_POINTS = 0.5
"""Of accuracy, that a faster file may lose."""


def choose(report: BenchReport) -> tuple[FileReport, str] | None:
    """The fastest exported file that is nearly as accurate as Keras, and why in words; None without any.

    Where Keras was not measured, or no file comes near it, the most accurate file is the measure.
    """
    keras = [file for file in _measured(report) if file.format == KERAS]
    exported = [file for file in _measured(report) if file.format != KERAS]
    for measure, name in ((keras, "Keras"), (exported, "the most accurate file")):
        least = max(map(_accuracy, measure), default=2.0) - TOLERANCE_POINTS / 100
        near = [file for file in exported if _accuracy(file) >= least]
        if near:
            fastest = min(near, key=lambda file: file.latency.p50_ms if file.latency else 0.0)
            return fastest, f"the fastest within {TOLERANCE_POINTS} points of {name}"
    return None


def _measured(report: BenchReport) -> list[FileReport]:
    return [file for file in report.files if file.accuracy and file.latency and not (file.error or file.peer)]


def _accuracy(file: FileReport) -> float:
    return file.accuracy.accuracy if file.accuracy else 0.0
