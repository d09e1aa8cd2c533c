"""Charts by class: recall, and confusion matrices."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ...data.page.charts import SMALL_PX, TEXT_PX, WIDE_PX, Chart, is_narrow, place_axes
from ...data.plotting import INK, PAPER, QUIET, RULE
from .drawing import Entry

_ROW_PX, _LEGEND_ROW_PX = 22, 17
_MOST_CLASSES = 40
"""With more, those that the first file recognises worst."""
_LONGEST_ROW_NAME = 16


def recall(files: Sequence[Entry], labels: Sequence[str]) -> Chart | None:
    """A row for each class, a mark for each file; None without any."""
    answered = [entry for entry in files if entry.file.accuracy and entry.file.accuracy.confusion]
    if not answered:
        return None
    places = _worst_first(answered[0])[:_MOST_CLASSES]
    about = f"Recall of each class by {len(answered)} files"

    def draw(figure: Figure) -> None:
        columns = 2 if is_narrow(figure) else 4
        legend_px = _LEGEND_ROW_PX * -(-len(answered) // columns)
        axes = place_axes(figure, left=104, right=14, top=legend_px + 10, bottom=42)
        for entry in answered:
            _draw_recalls(axes, entry, places)
        _name_classes(axes, [labels[place] for place in places])
        figure.legend(
            loc="upper left", ncols=columns, frameon=False, fontsize=SMALL_PX,
            borderaxespad=0, handletextpad=0.2, columnspacing=1.0, labelspacing=0.3, handlelength=1.4,
        )  # fmt: skip

    return Chart("recall", about, draw, _ROW_PX * len(places) + _LEGEND_ROW_PX * len(answered) // 2 + 60)


def _worst_first(entry: Entry) -> list[int]:
    """Places of the classes that have images."""
    recalls = entry.file.accuracy.recalls if entry.file.accuracy else ()
    known = {place: value for place, value in enumerate(recalls) if value is not None}
    return sorted(known, key=lambda place: known[place])


def _draw_recalls(axes: Any, entry: Entry, places: Sequence[int]) -> None:
    recalls = entry.file.accuracy.recalls if entry.file.accuracy else ()
    axes.plot(
        [100 * (recalls[place] or 0) for place in places], range(len(places)), entry.marker, label=entry.name,
        markersize=7, markerfacecolor="none", markeredgecolor=entry.colour, markeredgewidth=1.4, zorder=3,
        clip_on=False,
    )  # fmt: skip


def _name_classes(axes: Any, names: Sequence[str]) -> None:
    short = [
        name if len(name) <= _LONGEST_ROW_NAME else name[: _LONGEST_ROW_NAME - 1] + "…" for name in names
    ]
    axes.set_yticks(range(len(names)), short, color=INK, fontsize=TEXT_PX)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=max(0, axes.get_xlim()[0]), right=min(100, axes.get_xlim()[1]))
    axes.grid(color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.patch.set_facecolor(PAPER)
    axes.patch.set_alpha(0)
    axes.set_xlabel("recall, %", color=QUIET, fontsize=TEXT_PX)


# Confusion matrices, file beside file.

PANEL_PX = 312
_MOST_NUMBERED = 12
"""With more classes, the numbers would be too small to read."""
_MOST_NAMED = 24
_LONGEST_AXIS_NAME = 11
_ACCENT = "#2f7fc1"
_SMALLEST_PX = 9


def panels(files: Sequence[Entry], labels: Sequence[str]) -> list[Chart]:
    """One matrix for each file that has answers."""
    return [_panel(entry, labels) for entry in _answered(files)]


def side_by_side(files: Sequence[Entry], labels: Sequence[str]) -> Chart | None:
    """All of them in one picture; None without any."""
    answered = _answered(files)
    if not answered:
        return None
    columns = min(2, len(answered))
    rows = -(-len(answered) // columns)

    def draw(figure: Figure) -> None:
        for part, entry in zip(figure.subfigures(rows, columns, squeeze=False).flat, answered, strict=False):
            _draw_matrix(part, entry, labels, side_px=WIDE_PX / columns)

    return Chart("confusion", "Confusion matrices", draw, rows * WIDE_PX // columns)


def worst(entry: Entry, labels: Sequence[str], count: int = 3) -> list[str]:
    """The classes that are most often taken for another, as a share of their images, in words."""
    shares = _shares(entry)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind="stable")[:count]
    places = [divmod(int(place), len(shares)) for place in order]
    return [f"{labels[t]} as {labels[a]} {shares[t, a]:.0%}" for t, a in places if shares[t, a] > 0]


def _answered(files: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in files if entry.file.accuracy and entry.file.accuracy.confusion]


def _panel(entry: Entry, labels: Sequence[str]) -> Chart:
    about = f"Confusion matrix of {entry.name}"
    return Chart("confusion", about, lambda figure: _draw_matrix(figure, entry, labels, PANEL_PX), PANEL_PX)


def _draw_matrix(figure: Any, entry: Entry, labels: Sequence[str], side_px: float) -> None:
    """Onto a figure, or a part of one, that is square."""
    is_named = len(labels) <= _MOST_NAMED
    left = 82 if is_named else 26
    axes = figure.add_axes(
        (left / side_px, left / side_px, 1 - (left + 8) / side_px, 1 - (left + 30) / side_px)
    )
    shares = _shares(entry)
    picture = np.zeros((*shares.shape, 4))
    picture[..., :3] = to_rgb(_ACCENT)
    picture[..., 3] = 0.85 * np.sqrt(
        shares
    )  # clear where it is 0: the page's own ground shows, light or dark
    axes.imshow(picture, interpolation="nearest", aspect="auto")
    axes.spines[:].set_color(QUIET)
    axes.spines[:].set_linewidth(0.4)
    axes.tick_params(length=0, labelsize=_SMALLEST_PX, labelcolor=QUIET, pad=3)
    axes.set_xlabel("answer", fontsize=SMALL_PX, color=QUIET)
    axes.set_ylabel("truth", fontsize=SMALL_PX, color=QUIET)
    axes.set_title(_title(entry), fontsize=TEXT_PX, fontweight="bold", loc="left", x=0)
    if is_named:
        names = [
            name if len(name) <= _LONGEST_AXIS_NAME else name[: _LONGEST_AXIS_NAME - 1] + "…"
            for name in labels
        ]
        axes.set_yticks(range(len(names)), names)
        axes.set_xticks(range(len(names)), names, rotation=90)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    if len(labels) <= _MOST_NUMBERED:
        _write_percents(axes, shares)


def _title(entry: Entry) -> str:
    accuracy = entry.file.accuracy
    return f"{entry.name}  {accuracy.accuracy:.1%}" if accuracy else entry.name


def _write_percents(axes: Any, shares: np.ndarray) -> None:
    for row, column in zip(*np.nonzero(shares >= 0.005), strict=True):
        percent = f"{100 * shares[row, column]:.0f}"
        axes.text(column, row, percent, ha="center", va="center", fontsize=_SMALLEST_PX)


def _shares(entry: Entry) -> np.ndarray:
    """float64 (C, C): each row is a true class and sums to 1, or to 0 where it has no image."""
    confusion = entry.file.accuracy.confusion if entry.file.accuracy else ()
    counts = np.array(confusion, float)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
