"""Charts of the report page: as SVG that takes its colours from the page, light or dark, and as PNG.

Drawn with matplotlib's objects: no window, no global state. A point is a pixel of the page.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ...data.plotting import BLUE, GREEN, GREY, INK, PAPER, QUIET, RED, RULE, Figure, plot_style
from ..file_report import KERAS, FileReport
from ..report import BenchReport, file_names

_VARIABLES = {
    INK: "--ink",
    QUIET: "--quiet",
    RULE: "--rule",
    PAPER: "--panel",
    GREY: "--keras",
    RED: "--tflite",
    BLUE: "--onnx",
    GREEN: "--peer",
}
"""The CSS variable of each colour; page.css sets them for light and dark."""

WIDE_PX, NARROW_PX = 720, 312
"""Each chart is drawn for wide and for narrow screens: scaled down, its text could not be read."""
SMALL_PX, TEXT_PX = 10, 11
_POINTS_AN_INCH = 72
_PNG_DPI = 2 * _POINTS_AN_INCH


@dataclass(frozen=True)
class Chart:
    """A plot that can be drawn at any width."""

    name: str
    """Of its PNG."""
    about: str
    """A description, for screen readers."""
    draw: Callable[[Figure], None]
    """Onto an empty figure."""
    height_px: int


def width_px(figure: Figure) -> float:
    """The width that a chart is drawn for."""
    return figure.get_figwidth() * _POINTS_AN_INCH


def is_narrow(figure: Figure) -> bool:
    """Whether it is drawn for a narrow screen."""
    return width_px(figure) < (NARROW_PX + WIDE_PX) / 2


def height_px(figure: Figure) -> float:
    """The height that a chart is drawn for."""
    return figure.get_figheight() * _POINTS_AN_INCH


def place_axes(figure: Figure, left: float, right: float, top: float, bottom: float) -> Any:
    """Axes with these margins in pixels."""
    width, height = width_px(figure), height_px(figure)
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
    axes = figure.add_axes(box)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL_PX, labelcolor=QUIET)
    return axes


def to_svg(chart: Chart, width: int, css_class: str = "") -> str:
    """The chart as an element of the page."""
    file = io.StringIO()
    _save(chart, width, file, "svg", {"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = file.getvalue()
    content = re.sub(r"<metadata>.*?</metadata>", "", drawn[drawn.index("<defs>") :], flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        content = re.sub(rf"(fill|stroke): {colour}", rf"\1: var({variable})", content)
    return (
        f'<svg class="{css_class}" viewBox="0 0 {width} {chart.height_px}" role="img" '
        f'aria-label="{escape(chart.about)}" xmlns:xlink="http://www.w3.org/1999/xlink">{content}'
    )


def to_png(chart: Chart) -> bytes:
    """The chart as a picture on white."""
    file = io.BytesIO()
    _save(chart, WIDE_PX, file, "png", {"Software": None})
    return file.getvalue()


def _save(chart: Chart, width: int, file: Any, format_: str, metadata: dict[str, None]) -> None:
    style: dict[Any, Any] = {
        "font.size": TEXT_PX,
        "svg.fonttype": "none",  # text stays text: to be searched, and in any script that the browser knows
        "svg.hashsalt": chart.name,
    }
    with plot_style(style):
        figure = Figure((width / _POINTS_AN_INCH, chart.height_px / _POINTS_AN_INCH), dpi=_POINTS_AN_INCH)
        chart.draw(figure)
        paper = "none" if format_ == "svg" else PAPER
        figure.savefig(file, format=format_, dpi=_PNG_DPI, metadata=metadata, facecolor=paper)


# The files as the charts show them: name, colour and marker.

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
