"""Text for people: characters that a stream can show, colour, words wrapped to the terminal, reasons.

Colour and the terminal's width are decided here alone: a pipe, a log and `TERM=dumb` get plain text.
"""

import codecs
import io
import json
import os
import re
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO, cast


def printable(text: str) -> str:
    r"""Returns the text with what is dangerous to show written out, so that no name runs an escape sequence.

    That is control characters, ends of lines, and the marks that reverse the direction of what follows. Bytes
    of a file's name that are no text are written out too. Joiners within emoji and Indic or Persian words
    stay.

    >>> printable("cat\x1b[2J.jpg")
    'cat\\x1b[2J.jpg'
    """
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def printable_lines(content: bytes) -> bytes:
    """Returns what a library wrote to a terminal or a log, with each of its lines `printable`."""
    lines = content.decode(errors="replace").split("\n")
    return "\n".join(map(printable, lines)).encode()


def first_unsafe(text: str) -> str | None:
    r"""Returns the first character that `printable` would write out, written out; None where there is none.

    >>> first_unsafe("two\nlines")
    '\\n'
    """
    found = _UNSAFE.search(text)
    return printable(found[0]) if found else None


_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f"  # Unicode's category Cc: control characters
    r"\u2028-\u202e"  # separators of lines and paragraphs; embedding and overriding the direction
    r"\u2066-\u2069"  # isolating the direction
    r"\ud800-\udfff]"  # no text: a byte that could not be decoded
)


_LOOK_ALIKES = {"±": "+-", "…": "...", "°": "", "·": "-", "→": "->", "\N{MULTIPLICATION SIGN}": "x"}
"""What our own text contains beside ASCII, and what stands for it where a stream has no such character."""


def show_all_characters() -> None:
    """Lets stdout and stderr take any text, and a terminal get no escape sequence that is not ours.

    Characters that a stream cannot encode become escapes, as in JSON. It is ASCII in the C locale or with
    `PYTHONIOENCODING=ascii`, and no stream encodes the halves that stand for a file name's undecodable bytes.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # and not what a test or a notebook has put there
            stream.reconfigure(errors=_LOOKING_ALIKE)
            if stream.isatty():
                _clean(cast("TextIO", stream))


def _clean(stream: TextIO) -> None:
    """Has everything that is written to a stream pass `for_terminal`, whoever writes it."""
    write = stream.write

    def write_clean(text: str) -> int:
        return write(for_terminal(text))

    vars(stream)["write"] = write_clean  # the stream stays the one that others have


_NOT_OURS = re.compile(r"(\x1b\[[\d;]*[mK]|[\b\t\n\r])|" + _UNSAFE.pattern)
"""Colours, the end of a line erased, and what moves the cursor in its line: these are ours."""


def for_terminal(text: str) -> str:
    r"""Returns a text as a terminal may get it: with colours and ends of lines, and the rest `printable`.

    Names, labels and messages are made `printable` where they are put into a line. This stands behind all of
    them, where text leaves: there is one such place, and there are many where text from elsewhere enters.

    >>> for_terminal("\x1b[31merror\x1b[0m: \x1b]0;title\x07\n")
    '\x1b[31merror\x1b[0m: \\x1b]0;title\\x07\n'
    """
    return _NOT_OURS.sub(lambda found: found[1] or printable(found[0]), text)


def encoded_for(stream: TextIO | None, text: str) -> bytes:
    """Returns text in a stream's encoding, else in UTF-8; JSON stays JSON with the same values."""
    return text.encode(getattr(stream, "encoding", None) or "utf-8", errors=_ESCAPED)


def json_for_stdout(text: str) -> str:
    """Returns JSON with an escape for each character that stdout cannot encode."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, errors=_ESCAPED).decode(encoding)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_LOOK_ALIKES.get(c, json.dumps(c)[1:-1]) for c in lost), error.end


codecs.register_error(_ESCAPED := "edgecls.escaped", _escape)
codecs.register_error(_LOOKING_ALIKE := "edgecls.looking-alike", _replace)


def readable(name: str) -> str:
    """Returns a file's name as text that every encoder and font takes.

    What stands for bytes that the locale cannot decode becomes UTF-8 where it is, else U+FFFD.
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def duration(seconds: float) -> str:
    """Returns a time for people: `48 s`, `12 min`, `3 h 20 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def numbers_text(values: float | Sequence[float], form: str = "g") -> str:
    """Returns one number, or several with commas between them: `0.485, 0.456, 0.406`."""
    return ", ".join(f"{value:{form}}" for value in ([values] if isinstance(values, int | float) else values))


def first_few(names: Sequence[str], count: int = 3) -> str:
    """Returns the first of some names with commas between them: `cat, dog, bird, ...`."""
    return ", ".join(names[:count]) + (", ..." if len(names) > count else "")


def counted(count: int, noun: str) -> str:
    """Returns a count with its noun, `1 file` or `1,200 files`; of nouns whose plural ends in s alone."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def expanded(path: str | os.PathLike[str]) -> Path:
    """Returns the path with `~` and `~user` replaced by a home folder; as it is where there is none."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser fails without a home folder


# What libraries say

_MOST_REASON, _LONG, _LONGEST = 300, 2000, 100_000
_KERAS_FRAME = r"\x1b\[\d*m|Exception encountered when calling \S+\.|Arguments received by.*"
_ORIGIN = r"\[ONNXRuntimeError\] : \d+ : \w+ : |/\S+\.(?:cc|h):\d+ (?:\S+ )*?\S+\(.*?\)(?: const)? "
"""What a library says of its own sources before it comes to the point."""


def one_reason(error: BaseException) -> str:
    """Returns why a library failed, in one line, without what Keras and engines put around it.

    Of a long text the beginning and the end stay; of an error without a text the name of its kind.

    >>> one_reason(ValueError("Exception encountered when calling Add.call(). No. Arguments received by"))
    'No.'
    """
    words = " ".join(re.sub(_KERAS_FRAME, " ", " ".join(str(error)[:_LONGEST].split())).split())
    said = re.sub(_ORIGIN, "", words if len(words) < _LONG else words[: _LONG // 2] + words[-_LONG // 2 :])
    return shortened(said) or type(error).__name__


def shortened(text: str) -> str:
    """Returns a text that fits its line: of a long one the beginning and the end stay, cut at words."""
    if len(text) <= _MOST_REASON:
        return text
    first, last = text[: _MOST_REASON // 3], text[-_MOST_REASON * 2 // 3 :]
    return f"{first.rpartition(' ')[0] or first} ... {last.partition(' ')[2] or last}"


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


def paint(word: str, stream: TextIO, like: str = "") -> str:
    """Returns a word in its colour where the stream shows colour: that of error, warning, pass or the like.

    Args:
        word: such as `warning`.
        stream: where it is printed.
        like: the word whose colour it gets, where it is not one of them itself.
    """
    colour = _COLOURS.get((like or word).lower())
    return f"\033[{colour}m{word}\033[0m" if colour and has_colour(stream) else word


# Width

_PLAIN_COLUMNS = 80
_NARROWEST = 20


def columns_of(stream: TextIO) -> int:
    """How many columns to fill: `COLUMNS` of the environment, else those of the terminal, else 80."""
    if os.environ.get("COLUMNS", "").isdecimal():
        return max(int(os.environ["COLUMNS"]), _NARROWEST)
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):  # not a terminal, or not even a file
        return _PLAIN_COLUMNS
    return max(columns, _NARROWEST) if columns else _PLAIN_COLUMNS  # 0: it does not know, as in a container


def wrap_for(stream: TextIO, text: str) -> str:
    """Returns prose wrapped at words, and with colour, where the stream is a terminal; elsewhere unchanged.

    A command to copy, `next: ...`, stays whole; what is said of it in parentheses goes to the next line.
    """
    if not stream.isatty():
        return text
    width = columns_of(stream)
    lines = "\n".join(_wrapped(line, width) for line in text.split("\n"))
    return _LEADING.sub(lambda match: match[1] + paint(match[2], stream), lines)


_LEADING = re.compile(rf"^((?:edgecls: )?)({'|'.join(_COLOURS)})(?=:)", re.MULTILINE)
"""The word that a line begins with, painted as `paint` does: `edgecls: warning: ...`."""


_NAME = re.compile(r" {0,4}\S.{0,28}? {2,}")
"""What a line begins with that is a name and its value in two columns; the value is wrapped in its own."""


def _wrapped(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    if line.startswith("next: "):
        command, gap, why = line.partition("   (")
        return f"{command}\n{_wrapped(f'  ({why}', width)}" if gap else line
    name = _NAME.match(line)
    if name:  # the value starts beside its name, also where its first word is too long
        indent, text = " " * name.end(), line[name.end() :]
        if " " not in text and len(text) > width - name.end() and len(text) + len(_OWN_LINE) <= width:
            return f"{name[0].rstrip()}\n{_OWN_LINE}{text}"  # such as a digest: whole, to be copied
        value = textwrap.wrap(line[name.end() :], width - name.end(), **_AT_WORDS)
        return name[0] + f"\n{indent}".join(value)
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(line, width, subsequent_indent=indent, **_AT_WORDS)


_OWN_LINE = "    "
_AT_WORDS: Any = {"break_long_words": False, "break_on_hyphens": False}
