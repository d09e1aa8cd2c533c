"""Charts of a page: as SVG that takes its colours from the page, light or dark, and as PNG.

Drawn with matplotlib's objects: no window, no global state. A point is a pixel of the page.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from ..plotting import BLUE, GREEN, GREY, INK, PAPER, QUIET, RED, RULE, Figure, plot_style

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
