"""The picture of a sweep, as PNG bytes. Drawn with matplotlib's objects: no window, no global state."""

import io
from collections.abc import Sequence

from ...edge_runtime.errors import Unavailable
from .report import ScalingKind, ScalingLine, ScalingReport, line_names

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator
except ImportError as error:
    raise Unavailable(f'no plot: {error}; run `pip install "edgecls[train]"`') from error

_GREY = "#7b8794"
_COLOURS = ("#2166ac", "#e8833a", "#3a9e5c", "#8e5ea2", "#c0392b", "#7b8794")
_STAGE_COLOURS = ("#2166ac", "#92c5de", "#e8833a", "#7b8794")
_TITLES: dict[ScalingKind, str] = {
    "threads": "What threads cost",
    "resolution": "What a larger frame costs",
}
_X_LABELS: dict[ScalingKind, str] = {
    "threads": "threads",
    "resolution": "frame, pixels",
}


def scaling_png(report: ScalingReport) -> bytes:
    """Time on the left: p50 as lines, p99 dotted. On the right processor time, or the stages of one file."""
    measured = [
        (name, line) for name, line in zip(line_names(report), report.lines, strict=True) if line.points
    ]
    figure = Figure(figsize=(10, 4.6), dpi=110, layout="constrained")
    title = f"{_TITLES[report.kind]}   ({report.machine.cpu}, {report.machine.cores} cores)"
    figure.suptitle(title, fontsize=13, fontweight="bold")
    left, right = figure.subplots(1, 2)
    longest = max((line for _, line in measured), key=lambda line: len(line.points))
    _draw_times(left, measured)
    _scale_by_value(left, longest)
    if report.kind == "resolution":
        _draw_stages(right, *min(measured, key=lambda pair: pair[1].best.p50_ms))
    else:
        _draw_cpu(right, measured)
        _scale_by_value(right, longest)
    for axes in (left, right):
        _dress(axes, _X_LABELS[report.kind])
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8, frameon=False
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw_times(axes: Axes, measured: Sequence[tuple[str, ScalingLine]]) -> None:
    for number, (name, line) in enumerate(measured):
        colour, values = _COLOURS[number % len(_COLOURS)], [point.value for point in line.points]
        p50_ms, p99_ms = (
            [getattr(point, figure) for point in line.points] for figure in ("p50_ms", "p99_ms")
        )
        axes.plot(values, p50_ms, "o-", color=colour, label=name, markersize=4)
        axes.plot(values, p99_ms, ":", color=colour, linewidth=1)
    _log_axis(axes, "ms for each image: p50, and p99 dotted")


def _draw_cpu(axes: Axes, measured: Sequence[tuple[str, ScalingLine]]) -> None:
    for number, (_, line) in enumerate(measured):
        points = [(point.value, point.cpu_ms) for point in line.points if point.cpu_ms]
        values, spent_ms = zip(*points, strict=True) if points else ((), ())
        axes.plot(values, spent_ms, "o-", color=_COLOURS[number % len(_COLOURS)], markersize=4)
    _log_axis(axes, "ms of processor time for each image")


def _draw_stages(axes: Axes, name: str, line: ScalingLine) -> None:
    places = range(len(line.points))
    below_ms = [0.0] * len(places)
    for stage, colour in zip(line.points[0].stages_ms, _STAGE_COLOURS, strict=True):
        spent_ms = [point.stages_ms[stage] for point in line.points]
        axes.bar(places, spent_ms, bottom=below_ms, label=stage, color=colour)
        below_ms = [below + spent for below, spent in zip(below_ms, spent_ms, strict=True)]
    axes.set_xticks(places, [point.name for point in line.points])
    axes.set_ylabel(f"ms for each frame, {name}", color=_GREY)
    axes.legend(fontsize=8, frameon=False, loc="upper left")


def _log_axis(axes: Axes, label: str) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(label, color=_GREY)


def _dress(axes: Axes, x_label: str) -> None:
    axes.tick_params(labelsize=8)
    axes.set_xlabel(x_label, color=_GREY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", which="major", color="#e4e7eb", linewidth=0.6)
    axes.set_axisbelow(True)


def _scale_by_value(axes: Axes, longest: ScalingLine) -> None:
    axes.set_xscale("log")
    axes.set_xticks([point.value for point in longest.points], [point.name for point in longest.points])
    axes.xaxis.set_minor_locator(NullLocator())
