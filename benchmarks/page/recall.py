"""Which classes each file recognises."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from .drawing import INK, PAPER, QUIET, RULE, SMALL_PX, TEXT_PX, Chart, is_narrow, place_axes
from .entry import Entry

_ROW_PX, _LEGEND_ROW_PX = 22, 17
_MOST_CLASSES = 40
"""With more, those that the first file recognises worst."""
_LONGEST_NAME = 16


def recall(files: Sequence[Entry], labels: Sequence[str]) -> Chart | None:
    """A row for each class, a mark for each file; None without any."""
    answered = [entry for entry in files if entry.file.accuracy and entry.file.accuracy.confusion]
    if not answered:
        return None
    places = _worst_first(answered[0])[:_MOST_CLASSES]
    about = f"The share of each class's images that {len(answered)} files recognised"

    def draw(figure: Figure) -> None:
        columns = 2 if is_narrow(figure) else 4
        legend_px = _LEGEND_ROW_PX * -(-len(answered) // columns)
        axes = place_axes(figure, left=104, right=14, top=legend_px + 10, bottom=42)
        for entry in answered:
            _draw_file(axes, entry, places)
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


def _draw_file(axes: Any, entry: Entry, places: Sequence[int]) -> None:
    recalls = entry.file.accuracy.recalls if entry.file.accuracy else ()
    axes.plot(
        [100 * (recalls[place] or 0) for place in places], range(len(places)), entry.marker, label=entry.name,
        markersize=7, markerfacecolor="none", markeredgecolor=entry.colour, markeredgewidth=1.4, zorder=3,
        clip_on=False,
    )  # fmt: skip


def _name_classes(axes: Any, names: Sequence[str]) -> None:
    short = [name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…" for name in names]
    axes.set_yticks(range(len(names)), short, color=INK, fontsize=TEXT_PX)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=max(0, axes.get_xlim()[0]), right=min(100, axes.get_xlim()[1]))
    axes.grid(color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.patch.set_facecolor(PAPER)
    axes.patch.set_alpha(0)
    axes.set_xlabel("recognised of the class, %", color=QUIET, fontsize=TEXT_PX)
