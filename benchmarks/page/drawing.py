"""The files as the charts show them: name, colour and marker."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...data.plotting import BLUE, GREEN, GREY, RED
from ..file_report import KERAS, FileReport
from ..report import BenchReport, file_names

MOST_DRAWN = 12
"""Files in the plots that give each a place of its own; all are in the table and in the scatter."""
_MARKERS = "os^DvPX<>*ph"
_COLOURS = ((KERAS, GREY), ("TFLite", RED), ("ONNX", BLUE))


@dataclass(frozen=True)
class Entry:
    """One file."""

    name: str
    """Short, for people."""
    file: FileReport
    colour: str
    """By its format."""
    marker: str
    """Matplotlib's; another for each of those that are drawn together."""

    @property
    def is_measured(self) -> bool:
        """Whether it has its place in the scatter."""
        return self.file.accuracy is not None and self.file.latency is not None


def entries(report: BenchReport) -> tuple[Entry, ...]:
    """All files, in the order of the report."""
    return tuple(
        Entry(name, file, _colour(file), _MARKERS[place % len(_MARKERS)])
        for place, (name, file) in enumerate(zip(file_names(report.files), report.files, strict=True))
    )


def chosen(files: Sequence[Entry], most: int = MOST_DRAWN) -> tuple[Entry, ...]:
    """The most important files where there are too many, in the order of the report.

    The Keras originals come first, then each file that no other beats in both accuracy and speed, then the
    others.
    """
    measured = [entry for entry in files if entry.file.accuracy or entry.file.latency]

    def rank(entry: Entry) -> int:
        return 0 if entry.file.format == KERAS else 1 if _is_unbeaten(entry, measured) else 2

    best = sorted(measured, key=rank)[:most]
    return tuple(entry for entry in measured if entry in best)


def _is_unbeaten(entry: Entry, others: Sequence[Entry]) -> bool:
    accuracy, time = _worth(entry)
    worths = [_worth(other) for other in others]
    return not any(a >= accuracy and t <= time and (a, t) != (accuracy, time) for a, t in worths)


def _worth(entry: Entry) -> tuple[float, float]:
    accuracy, latency = entry.file.accuracy, entry.file.latency
    return (accuracy.accuracy, latency.p50_ms) if accuracy and latency else (0.0, float("inf"))


def _colour(file: FileReport) -> str:
    if file.peer:
        return GREEN
    return next((colour for name, colour in _COLOURS if file.format.startswith(name)), GREY)
