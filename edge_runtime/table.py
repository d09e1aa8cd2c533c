"""An aligned Markdown table: readable on a terminal, and pasted into a README as it is."""

from collections.abc import Sequence


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lays out text cells; the first column is aligned left, the others, which hold figures, right."""
    lines = [list(headers), *(list(row) for row in rows)]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(headers))]

    def row(cells: Sequence[str]) -> str:
        first, *figures = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "| " + " | ".join([first, *figures]) + " |"

    rule = (
        "| "
        + " | ".join("-" * widths[0] if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths))
        + " |"
    )
    return "\n".join([row(lines[0]), rule, *map(row, lines[1:])])
