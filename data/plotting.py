"""Plots: the one style in which edgecls draws, as PNG bytes. No window, no global state."""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from ..edge_runtime.errors import Unavailable

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import get_font_names
    from matplotlib.ticker import (
        FormatStrFormatter,
        LogLocator,
        MaxNLocator,  # noqa: F401 - for the modules that draw: matplotlib is imported here alone
        NullLocator,
        PercentFormatter,  # noqa: F401 - the same
    )
except ImportError as error:
    raise Unavailable(f'no plot: {error}; run `pip install "edgecls[train]"`') from error

INK, QUIET, RULE, PAPER = "#1f2933", "#5f6b78", "#d9dfe5", "#ffffff"
"""Of text, of what is less important, of grid lines, of the ground."""
BLUE, RED, GREEN, GREY = "#0072b2", "#d55e00", "#008a63", "#6b7683"
"""After Okabe and Ito (2008): told apart by the colour-blind too."""
SERIES = (
    *(BLUE, RED, GREEN, "#8e5ea2", "#b8860b", "#17a2b8"),
    *(GREY, "#d16ba5", "#7fb800", "#1b3a5c", "#a0522d", "#92c5de"),
)
"""Lines or groups of a plot, in this order."""
SMALL_PT, TEXT_PT, TITLE_PT = 8, 10, 13
DPI = 150

_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "Noto Sans",
    "Noto Emoji",
)
"""In this order, those that are installed: labels may be in any script."""


def series_colour(number: int) -> str:
    """The colour of a line or group, by its number; from the first again after the last."""
    return SERIES[number % len(SERIES)]


def plot_png(draw: Callable[[Figure], None], size_inches: tuple[float, float], title: str = "") -> bytes:
    """Draws onto an empty figure of this size, under a title where there is one."""
    fonts: dict[Any, Any] = {"font.family": _installed_fonts(), "font.size": TEXT_PT}
    with plot_style(fonts):
        figure = Figure(figsize=size_inches, dpi=DPI, layout="constrained")
        if title:
            figure.suptitle(title, fontsize=TITLE_PT, fontweight="bold")
        draw(figure)
        return to_png(figure)


def to_png(figure: Figure) -> bytes:
    """The figure as it stands; the same bytes each time."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=figure.dpi, metadata={"Software": None})
    return file.getvalue()


@contextmanager
def plot_style(extra: dict[Any, Any] | None = None) -> Iterator[None]:
    """Sets colours and how text is drawn, and `extra`, while the block lasts."""
    style: dict[Any, Any] = {
        "text.parse_math": False,  # a label may hold dollar signs
        "text.color": INK,
        "axes.labelcolor": QUIET,
        "axes.edgecolor": RULE,
        "axes.axisbelow": True,
        "grid.color": RULE,
        "grid.linewidth": 0.6,
        "xtick.color": INK,
        "ytick.color": INK,
        "legend.frameon": False,
    }
    with mpl.rc_context(style | (extra or {})), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # drawn as a box
        yield


def open_axes(axes: Axes, grid: Literal["both", "x", "y"] = "y") -> None:
    """Leaves out the frame's upper and right side, and draws a grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL_PT)
    axes.grid(axis=grid, which="major")


def log_axis(axes: Axes, which: Literal["x", "y"]) -> None:
    """Gives an axis a logarithmic scale, with numbers such as 0.5, 1, 2, 5 along it."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_locator(NullLocator())


def legend_below(figure: Figure, *panels: Axes, columns: int = 4) -> None:
    """One legend below all panels, with one entry for each label: the first that has it."""
    entries: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=columns,
        fontsize=SMALL_PT,
        numpoints=1,
    )


def _installed_fonts() -> Sequence[str]:
    installed = set(get_font_names())
    return [font for font in _FONTS if font in installed] or ["sans-serif"]
