"""Tables in text: cells aligned as Markdown, and wrapped or dropped where the terminal is too narrow."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """The head of a table's column."""

    text: str
    priority: int
    """Where a table is too wide, the column of the lowest priority goes first; of a plain string it is 0."""
    keeps_words: bool = False
    """Whether its cells are never wrapped, as names should not be."""


def table(headings: Sequence[str | Heading], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Lays out cells as an aligned Markdown table: the first column to the left, the others to the right.

    Args:
        headings: one for each column; the first column always stays.
        rows: the cells, as many in each row as there are headings.
        width: how many columns of text there are, such as `columns_of(sys.stdout)`. Where the table is wider,
            headings and words are wrapped; where that is not enough, columns are dropped, of equal priority
            the last, and a line below names them. None: as wide as it is.
    """
    heads = [each if isinstance(each, Heading) else Heading(each, 0) for each in headings]
    columns = list(zip([head.text for head in heads], *rows, strict=True))
    kept = list(range(len(heads)))
    while not (
        widths := _fitted([columns[each] for each in kept], [heads[each].keeps_words for each in kept], width)
    ):
        kept.remove(min(kept[1:], key=lambda column: (heads[column].priority, -column)))
    lines = list(zip(*(columns[each] for each in kept), strict=True))
    rule = ["-" * widths[0] if column == 0 else "-" * (one - 1) + ":" for column, one in enumerate(widths)]
    text = [*_row(lines[0], widths), *_row(rule, widths)]
    for cells in lines[1:]:
        text += _row(cells, widths)
    if len(kept) < len(heads):
        dropped = ", ".join(head.text for column, head in enumerate(heads) if column not in kept)
        text.append(f"hidden columns (output too narrow): {dropped}")
    return "\n".join(text)


_FIGURE = re.compile(r"[-+±]?[\d.,]+")
"""What a cell starts with that is never broken, such as `97,727 B`."""


def _fitted(columns: Sequence[Sequence[str]], keep_words: Sequence[bool], width: int | None) -> list[int]:
    """The columns' widths, the widest made narrower until all fit; none where they cannot."""
    widths = [max(3, *map(len, cells)) for cells in columns]
    least = [
        whole if keeps else max(3, *(_least_width(cell) for cell in cells))
        for cells, keeps, whole in zip(columns, keep_words, widths, strict=True)
    ]
    room = None if width is None else width - 3 * len(widths) - 1
    while room is not None and sum(widths) > room:
        spare, column = max((one - least[at], at) for at, one in enumerate(widths))
        if spare > 0:
            widths[column] -= 1
        elif len(columns) == 1:
            return [max(3, room)]
        else:
            return []
    return [
        max(3, *(len(line) for cell in cells for line in _lines_of(cell, one)))
        for cells, one in zip(columns, widths, strict=True)
    ]


def _least_width(cell: str) -> int:
    return len(cell) if _FIGURE.match(cell) else max(map(len, cell.split()), default=0)


def _row(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The lines of a row: one, or more where a cell is wrapped."""
    wrapped = [_lines_of(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines: list[str] = []
    for number in range(max(map(len, wrapped))):
        parts = [cell[number] if number < len(cell) else "" for cell in wrapped]
        first, *others = zip(parts, widths, strict=True)
        lines.append(
            "| " + " | ".join([first[0].ljust(first[1]), *(part.rjust(one) for part, one in others)]) + " |"
        )
    return lines


def _lines_of(cell: str, width: int) -> list[str]:
    return [cell] if len(cell) <= width else textwrap.wrap(cell, width, break_on_hyphens=False)
