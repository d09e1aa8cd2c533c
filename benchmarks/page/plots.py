"""Charts of all files: latency of every inference, and accuracy against latency and size."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from ...data.page.charts import SMALL_PX, TEXT_PX, Chart, is_narrow, place_axes
from ...data.plotting import INK, PAPER, QUIET, RULE
from .drawing import Entry, chosen

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
    return Chart("latency", about, lambda figure: _draw_latencies(figure, timed), _ROW_PX * len(timed) + 64)


def _draw_latencies(figure: Figure, files: Sequence[Entry]) -> None:
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


# Accuracy against latency, with 95 % intervals and the size as the bubble's area.

_LARGEST_PX2 = 900.0
_SMALLEST_PX2 = 30.0
_MOST_HIDDEN_PX2 = 300.0
"""By a name."""
_DIRECTIONS = ((1, 0), (-1, 0), (0.7, 0.7), (0.7, -0.7), (-0.7, 0.7), (-0.7, -0.7), (0, 1), (0, -1))
"""From a point to its name, the best ones first."""
_FAR_PX = 26
"""A name that stands so far above or below its file is tied to it with a line."""
_LOG_SPAN = 3.0
"""Times that lie farther apart than this factor are drawn on a logarithmic axis."""


def scatter(files: Sequence[Entry]) -> Chart | None:
    """All files that were measured; None without any."""
    measured = [entry for entry in files if entry.is_measured]
    if not measured:
        return None
    about = f"Accuracy and p50 of {len(measured)} files; the table has their figures"
    return Chart("scatter", about, lambda figure: _draw_scatter(figure, measured), height_px=420)


def _draw_scatter(figure: Figure, files: Sequence[Entry]) -> None:
    axes = place_axes(figure, left=44, right=14, top=14, bottom=44)
    largest = max(entry.file.size_bytes or 0 for entry in files) or 1
    for entry in files:
        _draw_bubble(axes, entry, largest)
    _scale_time(axes, [entry.file.figures["p50_ms"] for entry in files])
    axes.margins(y=0.14)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if 0 <= value <= 100 else ""))
    axes.grid(color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("p50, ms for one image", color=QUIET, fontsize=TEXT_PX)
    axes.set_ylabel("accuracy, %", color=QUIET, fontsize=TEXT_PX)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -6), min(high, 106))  # beyond 100 only for the bubbles
    _name(axes, files, largest, with_size=not is_narrow(figure))


def _draw_bubble(axes: Any, entry: Entry, largest: int) -> None:
    figures: Any = entry.file.figures
    x, y = figures["p50_ms"], 100 * figures["accuracy"]
    medians_ms = entry.file.latency.window_medians_ms if entry.file.latency else (x,)
    bars: dict[str, Any] = {"xerr": [[x - min(medians_ms)], [max(medians_ms) - x]]}
    if figures["accuracy_low"] is not None:
        bars["yerr"] = [[y - 100 * figures["accuracy_low"]], [100 * figures["accuracy_high"] - y]]
    axes.errorbar(x, y, **bars, fmt="none", ecolor=entry.colour, elinewidth=1.2, alpha=0.75)
    axes.scatter(x, y, s=_area(entry, largest), color=entry.colour, alpha=0.35, linewidths=0, zorder=3)
    axes.scatter(x, y, s=9, color=entry.colour, linewidths=0, zorder=4)


def _area(entry: Entry, largest: int) -> float:
    return max(_SMALLEST_PX2, _LARGEST_PX2 * (entry.file.size_bytes or 0) / largest)


def _scale_time(axes: Any, times_ms: Sequence[Any]) -> None:
    low, high = min(times_ms), max(times_ms)
    if high > _LOG_SPAN * low:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.5, high * 1.5)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(0, 1.2 * high)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(FixedLocator([at for at in axes.get_xticks() if low <= at <= high]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _name(axes: Any, files: Sequence[Entry], largest: int, *, with_size: bool) -> None:
    """Writes each name where it hides least: neither another name, nor a bubble, nor an interval.

    Where there are many files, a name without a place is left out.
    """
    frame = axes.get_window_extent()
    points = {entry.name: _point(axes, entry) for entry in files}
    taken = [box for entry in files for box in _boxes(axes, entry, largest)]
    named = chosen(files)
    for entry in sorted(named, key=lambda entry: entry.file.figures["p50_ms"] or 0):
        size = entry.file.size_bytes if with_size else None
        text = entry.name + (f" · {size / 1e3:,.0f} kB" if size else "")
        note = _annotate(axes, entry, text)
        offsets = list(_offsets(entry, largest))
        centred = note.get_window_extent()
        boxes = [_moved(centred, offset) for offset in offsets]
        costs = [_hidden(box, taken, frame) + _misled(box, entry, points) for box in boxes]
        best = int(np.argmin(costs))
        if len(named) < len(files) and costs[best] > _MOST_HIDDEN_PX2:
            note.remove()
            continue
        _settle(note, offsets[best])
        taken.append(boxes[best])


def _offsets(entry: Entry, largest: int) -> Iterator[tuple[float, float]]:
    """Where a name may stand, from the nearest place outwards, in pixels from the point."""
    near = np.sqrt(_area(entry, largest) / np.pi) + 4
    for far in (0, 14, 28, 42, 60, 80, 100, 125):
        for x, y in _DIRECTIONS:
            yield x * near, y * (near + far) + np.sign(y) * 4


def _annotate(axes: Any, entry: Entry, text: str) -> Annotation:
    """The name, for now in the middle of its file."""
    figures: Any = entry.file.figures
    return axes.annotate(
        text,
        (figures["p50_ms"], 100 * figures["accuracy"]),
        (0, 0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=SMALL_PX,
        color=INK,
        bbox={"facecolor": PAPER, "alpha": 0.7, "linewidth": 0, "pad": 1},
        arrowprops={"arrowstyle": "-", "color": entry.colour, "linewidth": 0.8, "shrinkA": 0},
        zorder=5,
    )


def _moved(box: Bbox, offset: tuple[float, float]) -> Bbox:
    """Where a name that is centred on its file comes to stand; beside it, it begins or ends there."""
    return box.translated(offset[0] + np.sign(offset[0]) * box.width / 2, offset[1])


def _settle(note: Annotation, offset: tuple[float, float]) -> None:
    note.set_position(offset)
    note.set_horizontalalignment("center" if offset[0] == 0 else "left" if offset[0] > 0 else "right")
    # Straight above or below, a line would seem to be a part of the interval.
    if note.arrow_patch and (offset[0] == 0 or abs(offset[1]) < _FAR_PX):
        note.arrow_patch.set_visible(False)


def _boxes(axes: Any, entry: Entry, largest: int) -> Iterator[Bbox]:
    """What a file covers: its bubble, and its interval as a thin upright."""
    figures: Any = entry.file.figures
    x, y = _point(axes, entry)
    radius = np.sqrt(_area(entry, largest) / np.pi)
    yield Bbox.from_bounds(x - radius, y - radius, 2 * radius, 2 * radius)
    ends = [figures["accuracy_low"], figures["accuracy_high"]]
    if None not in ends:
        (_, low), (_, high) = axes.transData.transform([(figures["p50_ms"], 100 * end) for end in ends])
        yield Bbox.from_extents(x - 1, low, x + 1, high)


def _point(axes: Any, entry: Entry) -> Any:
    """Where a file stands, in pixels."""
    figures: Any = entry.file.figures
    return axes.transData.transform((figures["p50_ms"], 100 * figures["accuracy"]))


def _misled(box: Bbox, entry: Entry, points: Mapping[str, Any]) -> float:
    """How much nearer a name stands to another file than to its own, counted like hidden pixels."""
    distances = {
        name: float(np.hypot(*(np.clip(point, box.min, box.max) - point))) for name, point in points.items()
    }
    own = distances.pop(entry.name)
    return 20 * max(0.0, own - min(distances.values(), default=own))


def _hidden(box: Bbox, taken: Sequence[Bbox], frame: Bbox) -> float:
    """Pixels that a name would hide, and those of it beyond the frame, which count more."""
    beyond = box.width * box.height - _overlap(box, [frame])
    return 10 * beyond + _overlap(box, taken)


def _overlap(box: Bbox, others: Sequence[Bbox]) -> float:
    """The pixels that a box has in common with others, summed."""
    low, high = np.array([other.get_points() for other in others]).transpose(1, 0, 2)
    sides = np.minimum(high, box.max) - np.maximum(low, box.min)
    return float(sides.clip(0).prod(axis=1).sum())
