"""Text for people: safe characters, colour, words wrapped to the terminal, tables.

Colour and the terminal's width are decided here alone: a pipe, a log and `TERM=dumb` get plain text.
"""

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TextIO


def printable(text: str) -> str:
    r"""Returns the text with control characters written out, so that no file name runs an escape sequence.

    >>> printable("cat\x1b[2J.jpg")
    'cat\\x1b[2J.jpg'
    """
    return "".join(c.encode("unicode_escape").decode() if _is_control(c) else c for c in text)


def _is_control(character: str) -> bool:
    """Unicode's category Cc; others, such as the joiners within emoji and Indic words, stay."""
    return character < " " or "\x7f" <= character <= "\x9f"


# Colour

_RED, _GREEN, _YELLOW = 31, 32, 33
_COLOURS = {"error": _RED, "problem": _RED, "fail": _RED, "warning": _YELLOW, "pass": _GREEN, "ok": _GREEN}


def has_colour(stream: TextIO) -> bool:
    """Whether a stream shows colour: a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if sys.platform == "win32" and "WT_SESSION" not in os.environ:  # the older console shows the codes
        return False
    return stream.isatty()


def paint(word: str, stream: TextIO) -> str:
    """Returns a word such as error, warning or pass, in its colour where the stream shows colour."""
    colour = _COLOURS.get(word.lower())
    return f"\033[{colour}m{word}\033[0m" if colour and has_colour(stream) else word


# Width

_PLAIN_COLUMNS = 80


def columns_of(stream: TextIO) -> int:
    """How many columns a stream has: those of its terminal, or 80; `COLUMNS` in the environment decides."""
    return shutil.get_terminal_size((_PLAIN_COLUMNS, 24)).columns if stream.isatty() else _PLAIN_COLUMNS


def wrap_for(stream: TextIO, text: str) -> str:
    """Returns prose wrapped at words where the stream is a terminal; elsewhere unchanged, a line a fact.

    A line that gives a command to copy, `next: ...`, stays whole.
    """
    if not stream.isatty():
        return text
    width = columns_of(stream)
    return "\n".join(_wrapped(line, width) for line in text.split("\n"))


def _wrapped(line: str, width: int) -> str:
    if len(line) <= width or line.startswith("next: "):
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(
        line,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


# Tables


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lays out cells as an aligned Markdown table; the first column is aligned left, the others right."""
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
