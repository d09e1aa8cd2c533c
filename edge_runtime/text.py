"""Names from files and from strangers, made safe for a terminal."""

from collections.abc import Sequence


def printable(text: str) -> str:
    r"""The text, with control characters written out: an escape sequence in a file's name shall not run.

    >>> printable("cat\x1b[2J.jpg")
    'cat\\x1b[2J.jpg'
    """
    return "".join(c.encode("unicode_escape").decode() if _is_control(c) else c for c in text)


def _is_control(character: str) -> bool:
    """Unicode's category Cc; others, such as the joiners within emoji and Indic words, stay."""
    return character < " " or "\x7f" <= character <= "\x9f"


# An aligned Markdown table: readable on a terminal, and pasted into a README as it is.


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
