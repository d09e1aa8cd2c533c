"""The Pareto front of a sweep, as PNG bytes. Drawn with matplotlib's objects: no window, no global state."""

import io
from collections.abc import Callable, Sequence
from typing import Any

from ..edge_runtime.errors import Unavailable
from .report import Candidate, SweepReport

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator
except ImportError as error:
    raise Unavailable(f'no plot: {error}; run `pip install "edgecls[train]"`') from error

_GREY, _BEST, _LIMIT = "#7b8794", "#c0392b", "#e8833a"
_COLOURS = (
    *("#2166ac", "#3a9e5c", "#8e5ea2", "#e8833a", "#17a2b8", "#b8860b"),
    *("#555555", "#d16ba5", "#7fb800", "#1b3a5c", "#a0522d", "#92c5de"),
)
_MARKS = {"TFLite": "o", "ONNX": "s"}

Cost = Callable[[Candidate], float]


def pareto_png(report: SweepReport) -> bytes:
    """Validation accuracy against time on the left, against size on the right; the limits as lines."""
    figure = Figure(figsize=(11, 5), dpi=110, layout="constrained")
    figure.suptitle(
        f"{len(report.ranking)} int8 files on {report.machine.cpu}\n"
        "circles: TFLite; squares: ONNX; filled: no other file is as accurate, fast and small",
        fontsize=10,
    )
    left, right = figure.subplots(1, 2, sharey=True)
    limits = report.limits
    _draw(left, report, lambda one: one.p50_ms, limits.max_ms, "p50, ms for one picture")
    _draw(right, report, lambda one: one.size_bytes / 1000, limits.max_kb, "kB")
    left.set_ylabel("validation accuracy, %", color=_GREY)
    figure.legend(
        *_entries(left, right), loc="outside lower center", ncols=4, fontsize=8, frameon=False, numpoints=1
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw(axes: Axes, report: SweepReport, cost: Cost, limit: float | None, label: str) -> None:
    networks = sorted({one.network for one in report.ranking})
    for one in report.ranking:
        on_front = one in report.front
        colour = _COLOURS[networks.index(one.network) % len(_COLOURS)]
        axes.plot(
            cost(one),
            100 * one.val_accuracy,
            _MARKS[one.format],
            color=colour,
            markerfacecolor=colour if on_front else "white",
            markersize=7 if on_front else 5,
            alpha=0.9 if on_front else 0.6,
            label=one.network,
        )
    axes.step(*_staircase(report.ranking, cost), where="post", color=_GREY, linewidth=1, zorder=0)
    if limit is not None:
        axes.axvline(limit, color=_LIMIT, linestyle="--", linewidth=1, label="limit")
    if report.best:
        axes.plot(
            cost(report.best),
            100 * report.best.val_accuracy,
            "o",
            color="none",
            markeredgecolor=_BEST,
            markeredgewidth=1.8,
            markersize=14,
            label="best" + (" within the limits" if report.limits.text else ""),
        )
    _dress(axes, label)


def _staircase(ranking: Sequence[Candidate], cost: Cost) -> tuple[list[float], list[float]]:
    """The highest accuracy that each cost can buy, from the cheapest file to the dearest."""
    costs, heights = [], []
    for one in sorted(ranking, key=lambda one: (cost(one), -one.val_accuracy)):
        height = max(100 * one.val_accuracy, *heights[-1:], 0.0)
        costs.append(cost(one))
        heights.append(height)
    return costs, heights


def _entries(*panels: Axes) -> tuple[list[Any], list[str]]:
    """One entry of the legend for each label: that of the first file with it, the most accurate one."""
    handles: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    return list(handles.values()), list(handles)


def _dress(axes: Axes, label: str) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label, color=_GREY)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e7eb", linewidth=0.6)
    axes.set_axisbelow(True)
