"""The plots of a corruption report: accuracy level by level, and what the corruptions look like."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...data.plotting import (
    SMALL_PT,
    TEXT_PT,
    Axes,
    Figure,
    legend_below,
    open_axes,
    plot_png,
    plot_style,
    series_colour,
    to_png,
)
from ...data.split import stratified
from ...edge_runtime.files import check_writable, write_whole
from ..report import short_names
from ..test_images import HeldOut
from .corrupt import CORRUPTIONS, Corruption, corrupt
from .report import CorruptionReport, Scores

_DPI = 100
_SIDE_PX = 128
"""Of an example, at least."""
_TITLE_PX, _GAP_PX = 18, 6


PLOT, EXAMPLES = "corruptions.png", "corrupted_images.png"


def check_plots(folder: Path) -> None:
    """Finds out, before long work, whether the pictures can be written.

    Raises:
        OutputFailed, PermissionRefused: they cannot.
    """
    for name in (PLOT, EXAMPLES):
        check_writable(folder / name)


def write_plots(folder: Path, report: CorruptionReport) -> tuple[Path, Path]:
    """Writes the plot, and what the corruptions look like; gives their paths.

    Raises:
        OutputFailed, PermissionRefused: they cannot be written.
    """
    assert report.tests is not None  # noqa: S101 - a report that was measured has them
    paths = folder / PLOT, folder / EXAMPLES
    for path, content in zip(paths, (accuracies_png(report), examples_png(report.tests)), strict=True):
        write_whole(path, content)
    return paths


def accuracies_png(report: CorruptionReport) -> bytes:
    """Accuracy level by level, a panel for each corruption and a line for each file; dashed without any."""
    names = short_names([file.path for file in report.files])
    scored = [(name, file.scores) for name, file in zip(names, report.files, strict=True) if file.scores]
    size = (report.data.height_px, report.data.width_px)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(CORRUPTIONS), sharey=True)
        for axes, corruption in zip(panels, CORRUPTIONS, strict=True):
            _draw_panel(axes, corruption, corruption.values(*size), scored)
        panels[0].set_ylabel("top-1 accuracy, %")
        legend_below(figure, panels[0])

    return plot_png(draw, (12, 3.8))


def examples_png(tests: HeldOut) -> bytes:
    """A test image as it is, and under every corruption at every level; no pixel is resampled."""
    example = tests.images[stratified(tests.truth, 1, seed=0)]
    rows = [_row(example, corruption) for corruption in CORRUPTIONS]
    high_px, wide_px = rows[0][0][1].shape[:2]
    high_px, wide_px = high_px + _TITLE_PX, wide_px + _GAP_PX
    with plot_style():
        figure = Figure((len(rows[0]) * wide_px / _DPI, len(rows) * high_px / _DPI), dpi=_DPI)
        for row, cells in enumerate(reversed(rows)):  # from below, as matplotlib counts
            for column, (title, pixels) in enumerate(cells):
                left_px, low_px = column * wide_px, row * high_px
                figure.figimage(pixels, left_px, low_px)
                top = (low_px + high_px - _TITLE_PX + 4) / (len(rows) * high_px)
                figure.text(left_px / (len(rows[0]) * wide_px), top, title, fontsize=SMALL_PT - 1)
        return to_png(figure)


def _row(example: np.ndarray, corruption: Corruption) -> list[tuple[str, np.ndarray]]:
    """The example, uint8 (1, H, W, 3), as it is and level by level, each with its title."""
    values = corruption.values(*example.shape[1:3])
    spoiled = [(corruption.describe(value), corrupt(example, corruption, value)) for value in values]
    return [(title, _enlarged(image[0])) for title, image in [("original", example), *spoiled]]


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    times = max(1, _SIDE_PX // len(pixels))
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def _draw_panel(
    axes: Axes, corruption: Corruption, values: Sequence[float], scored: Sequence[tuple[str, Scores]]
) -> None:
    places = range(1, len(values) + 1)
    for number, (name, scores) in enumerate(scored):
        colour = series_colour(number)
        percents = [100 * accuracy for accuracy in scores.accuracies(corruption.name)]
        axes.plot(places, percents, "o-", color=colour, label=name, markersize=4)
        axes.axhline(100 * scores.accuracy, color=colour, linestyle="--", linewidth=0.8)
    axes.set_xticks(places, [f"{value:.3g}" for value in values])
    axes.set_title(corruption.text.replace(" {}", ""), fontsize=TEXT_PT)
    open_axes(axes)
