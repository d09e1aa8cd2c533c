"""The plot of a scaling report: how each file's cost grows."""

from collections.abc import Sequence
from pathlib import Path

from ...data.plotting import (
    BLUE,
    GREY,
    RED,
    SMALL_PT,
    Axes,
    Figure,
    NullLocator,
    legend_below,
    log_axis,
    open_axes,
    plot_png,
    series_colour,
)
from ...edge_runtime.files import write_whole
from .report import ScalingKind, ScalingLine, ScalingReport, line_names

_STAGE_COLOURS = (BLUE, "#92c5de", RED, GREY)
_TITLES: dict[ScalingKind, str] = {
    "threads": "Latency by engine threads",
    "resolution": "Latency by camera resolution",
}
_X_LABELS: dict[ScalingKind, str] = {
    "threads": "threads",
    "resolution": "frame, pixels",
}


def write_scaling_plot(path: Path, report: ScalingReport) -> None:
    """Writes the plot.

    Raises:
        OutputFailed, PermissionRefused: it cannot be written.
    """
    write_whole(path, scaling_png(report))


def scaling_png(report: ScalingReport) -> bytes:
    """Time on the left: p50 as lines, p99 dotted. On the right processor time, or the stages of one file."""
    measured = [
        (name, line) for name, line in zip(line_names(report), report.lines, strict=True) if line.points
    ]
    longest = max((line for _, line in measured), key=lambda line: len(line.points))

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        _draw_times(left, measured)
        _scale_by_value(left, longest)
        if report.kind == "resolution":
            _draw_stages(right, *min(measured, key=lambda pair: pair[1].best.p50_ms))
        else:
            _draw_cpu(right, measured)
            _scale_by_value(right, longest)
        for axes in (left, right):
            open_axes(axes)
            axes.set_xlabel(_X_LABELS[report.kind])
        legend_below(figure, left, columns=5)

    title = f"{_TITLES[report.kind]}   ({report.machine.cpu}, {report.machine.cores} cores)"
    return plot_png(draw, (10, 4.6), title)


def _draw_times(axes: Axes, measured: Sequence[tuple[str, ScalingLine]]) -> None:
    for number, (name, line) in enumerate(measured):
        colour, values = series_colour(number), [point.value for point in line.points]
        p50_ms, p99_ms = (
            [getattr(point, figure) for point in line.points] for figure in ("p50_ms", "p99_ms")
        )
        axes.plot(values, p50_ms, "o-", color=colour, label=name, markersize=4)
        axes.plot(values, p99_ms, ":", color=colour, linewidth=1)
    log_axis(axes, "y")
    axes.set_ylabel("ms for each image: p50, and p99 dotted")


def _draw_cpu(axes: Axes, measured: Sequence[tuple[str, ScalingLine]]) -> None:
    for number, (_, line) in enumerate(measured):
        points = [(point.value, point.cpu_ms) for point in line.points if point.cpu_ms]
        values, spent_ms = zip(*points, strict=True) if points else ((), ())
        axes.plot(values, spent_ms, "o-", color=series_colour(number), markersize=4)
    log_axis(axes, "y")
    axes.set_ylabel("ms of processor time for each image")


def _draw_stages(axes: Axes, name: str, line: ScalingLine) -> None:
    places = range(len(line.points))
    below_ms = [0.0] * len(places)
    for stage, colour in zip(line.points[0].stages_ms, _STAGE_COLOURS, strict=True):
        spent_ms = [point.stages_ms[stage] for point in line.points]
        axes.bar(places, spent_ms, bottom=below_ms, label=stage, color=colour)
        below_ms = [below + spent for below, spent in zip(below_ms, spent_ms, strict=True)]
    axes.set_xticks(places, [point.name for point in line.points])
    axes.set_ylabel(f"ms for each frame, {name}")
    axes.legend(fontsize=SMALL_PT, loc="upper left")


def _scale_by_value(axes: Axes, longest: ScalingLine) -> None:
    axes.set_xscale("log")
    axes.set_xticks([point.value for point in longest.points], [point.name for point in longest.points])
    axes.xaxis.set_minor_locator(NullLocator())
