"""The plot of a sweep: accuracy against time and size, with the Pareto front."""

from collections.abc import Callable, Sequence

from ..data.plotting import (
    PAPER,
    QUIET,
    SMALL_PT,
    Axes,
    Figure,
    legend_below,
    log_axis,
    open_axes,
    plot_png,
    series_colour,
)
from .report import Candidate, SweepReport

_BEST, _LIMIT = "#c0392b", "#e8833a"
_MARKS = {"TFLite": "o", "ONNX": "s"}

Cost = Callable[[Candidate], float]


def pareto_png(report: SweepReport) -> bytes:
    """Returns a PNG of validation accuracy against time (left) and size (right), with the limits."""
    limits = report.limits

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        _draw(left, report, lambda one: one.p50_ms, limits.max_ms, "p50, ms for one picture")
        _draw(right, report, lambda one: one.size_bytes / 1000, limits.max_kb, "kB")
        left.set_ylabel("validation accuracy, %")
        left.set_title(
            "circles: TFLite; squares: ONNX; filled: on the Pareto front", fontsize=SMALL_PT, loc="left"
        )
        legend_below(figure, left, right)

    return plot_png(draw, (11, 5), f"{len(report.ranking)} int8 files on {report.machine.cpu}")


def _draw(axes: Axes, report: SweepReport, cost: Cost, limit: float | None, label: str) -> None:
    networks = sorted({one.network for one in report.ranking})
    for one in report.ranking:
        on_front = one in report.front
        colour = series_colour(networks.index(one.network))
        axes.plot(
            cost(one),
            100 * one.val_accuracy,
            _MARKS[one.format],
            color=colour,
            markerfacecolor=colour if on_front else PAPER,
            markersize=7 if on_front else 5,
            alpha=0.9 if on_front else 0.6,
            label=one.network,
        )
    axes.step(*_staircase(report.ranking, cost), where="post", color=QUIET, linewidth=1, zorder=0)
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
    log_axis(axes, "x")
    open_axes(axes, "both")
    axes.set_xlabel(label)


def _staircase(ranking: Sequence[Candidate], cost: Cost) -> tuple[list[float], list[float]]:
    """Returns the highest accuracy up to each cost, from the cheapest file to the most expensive."""
    costs, heights = [], []
    for one in sorted(ranking, key=lambda one: (cost(one), -one.val_accuracy)):
        height = max(100 * one.val_accuracy, *heights[-1:], 0.0)
        costs.append(cost(one))
        heights.append(height)
    return costs, heights
