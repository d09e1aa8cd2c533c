"""Every single inference of each file, on one axis of time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .drawing import INK, PAPER, QUIET, RULE, SMALL_PX, TEXT_PX, Chart, is_narrow, place_axes
from .entry import Entry

_ROW_PX, _HILL_PX = 58, 30
_LOWEST_PX = 2.0
"""Of a bin with a single inference: nothing that was measured is invisible."""
_BINS = 240
_MARKS = ((50, "o"), (90, "D"), (99, "^"))


def latencies(files: Sequence[Entry]) -> Chart | None:
    """A row for each of the files that were timed; None without any."""
    timed = [entry for entry in files if entry.file.latency]
    if not timed:
        return None
    about = f"How long each inference of {len(timed)} files took; the table has p50, p90 and p99"
    return Chart("latency", about, lambda figure: _draw(figure, timed), _ROW_PX * len(timed) + 64)


def _draw(figure: Figure, files: Sequence[Entry]) -> None:
    axes = place_axes(figure, left=12, right=12, top=22, bottom=42)
    samples = [entry.file.latency.samples_ms for entry in files if entry.file.latency]
    low, high = min(map(np.min, samples)) * 0.93, max(map(np.max, samples)) * 1.08
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(-_ROW_PX * len(files), 0)
    axes.set_yticks([])
    decades = 50 if is_narrow(figure) else 1000
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < decades * low else (1,), numticks=20))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("ms for one image", color=QUIET, fontsize=TEXT_PX)
    edges = np.geomspace(low, high, _BINS + 1)
    for row, (entry, samples_ms) in enumerate(zip(files, samples, strict=True)):
        base = -_ROW_PX * (row + 1) + 6
        _draw_hill(axes, entry, samples_ms, edges, base)
        _write_figures(axes, entry, base + _HILL_PX + 11, short=is_narrow(figure))
    _explain_marks(figure, axes)


def _draw_hill(axes: Any, entry: Entry, samples_ms: np.ndarray, edges: np.ndarray, base: float) -> None:
    counts = np.histogram(samples_ms, edges)[0]
    heights = np.where(counts, np.maximum(_HILL_PX * np.sqrt(counts / counts.max()), _LOWEST_PX), 0)
    axes.stairs(base + heights, edges, baseline=base, fill=True, color=entry.colour, alpha=0.55, linewidth=0)
    axes.plot(edges[[0, -1]], [base, base], color=RULE, linewidth=0.8)
    figures: Any = entry.file.figures
    for percent, marker in _MARKS:
        axes.plot(
            figures[f"p{percent}_ms"], base, marker, color=INK, markersize=6, markeredgecolor=PAPER,
            markeredgewidth=0.8, clip_on=False, zorder=4,
        )  # fmt: skip


def _write_figures(axes: Any, entry: Entry, y: float, *, short: bool) -> None:
    figures: Any = entry.file.figures
    latency = entry.file.latency
    slowest_ms = latency.samples_ms.max() if latency else 0
    percents = (50, 99) if short else (50, 90, 99)
    texts = [f"p{percent} {figures[f'p{percent}_ms']:.3f}" for percent in percents]
    texts += [] if short else [f"slowest {slowest_ms:.3g} of {figures['inferences']:,}"]
    left = axes.get_yaxis_transform()
    axes.text(0, y, entry.name, transform=left, va="center", fontsize=TEXT_PX, fontweight="bold")
    axes.text(1, y, ", ".join(texts), transform=left, va="center", ha="right", fontsize=SMALL_PX, color=QUIET)


def _explain_marks(figure: Figure, axes: Any) -> None:
    handles = [
        axes.plot([], [], marker, color=INK, markersize=6, markeredgecolor=PAPER, label=f"p{percent}")[0]
        for percent, marker in _MARKS
    ]
    figure.legend(
        handles=handles, loc="upper left", ncols=3, frameon=False, fontsize=SMALL_PX, borderaxespad=0,
        handletextpad=0, columnspacing=1.2, handlelength=1.4,
    )  # fmt: skip
