"""Messages: what a command says on stderr beside its result, which goes to stdout.

`--quiet` leaves results, warnings and errors alone; `--verbose` adds what was loaded, found and chosen.
"""

import shlex
import sys
from enum import IntEnum

from ..edge_runtime.masking import hide_secrets
from ..edge_runtime.text import columns_of, printable, wrap_for
from .typed_secrets import without_typed_secrets


class Verbosity(IntEnum):
    """How much is said."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


_chosen = Verbosity.NORMAL


def set_verbosity(level: Verbosity) -> None:
    """Chooses it for all messages of this process."""
    global _chosen  # noqa: PLW0603 - one command line, one choice
    _chosen = level


def is_quiet() -> bool:
    """Whether `--quiet` was given: no progress and no notes."""
    return _chosen is Verbosity.QUIET


def verbosity_options() -> list[str]:
    """Returns the options that make another edgecls process say as much as this one."""
    return {Verbosity.QUIET: ["--quiet"], Verbosity.NORMAL: [], Verbosity.VERBOSE: ["--verbose"]}[_chosen]


def error(text: str) -> None:
    """An error's one line; always shown."""
    _say(f"edgecls: error: {printable(text)}")


def warn(text: str) -> None:
    """A warning's one line; always shown."""
    _say(f"edgecls: warning: {printable(text)}")


def note(text: str) -> None:
    """A fact worth a line, but not with `--quiet`."""
    if _chosen >= Verbosity.NORMAL:
        _say(f"edgecls: {printable(text)}")


def detail(text: str) -> None:
    """What was loaded, found or chosen; shown with `--verbose` alone."""
    if _chosen >= Verbosity.VERBOSE:
        _say(f"edgecls: {printable(text)}")


def show_step(text: str) -> None:
    """What is being done now: `edgecls: loading TensorFlow ...`."""
    note(f"{text} ...")


def show_next(command: str, why: str = "", *, gap: bool = False) -> None:
    """The command that comes next, on stdout after a result; `gap` for an empty line before it."""
    if not is_quiet():
        line = f"next: {printable(command)}" + (f"   ({why})" if why else "")
        print(("\n" if gap else "") + wrap_for(sys.stdout, line), flush=True)


class StepLine:
    """Many short steps: on a terminal one line, each step over the one before.

    Elsewhere, such as in a log, each step has a line of its own, without what follows its colon; a step that
    differs only there from the one before is not repeated. With `--verbose` every step has a whole line.
    """

    def __init__(self) -> None:
        self._logged = ""

    def __call__(self, text: str) -> None:
        """Shows a step; an empty text clears the line."""
        if is_quiet():
            return
        if _chosen is not Verbosity.VERBOSE and sys.stderr.isatty():
            room = columns_of(sys.stderr) - 1  # what is wrapped cannot be written over
            print(f"\r\033[K{printable(text)[:room]}", end="", file=sys.stderr, flush=True)
            return
        step = text if _chosen is Verbosity.VERBOSE else text.partition(":")[0]
        if step and step != self._logged:
            show_step(step)
        self._logged = step


def same_command(option: str, value: str | None = None) -> str:
    """Returns this command to type again, with one option changed or added, and without `--resume`."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--resume"]
    while option in arguments:
        at = arguments.index(option)
        arguments = arguments[:at] + arguments[at + (1 if value is None else 2) :]
    arguments = [argument for argument in arguments if not argument.startswith(f"{option}=")]
    return f"edgecls {shlex.join([*arguments, option, *([] if value is None else [value])])}"


def interrupted(*, can_resume: bool) -> None:
    """Says that Ctrl-C ended the command, and how to continue it."""
    how = f"; continue with `{same_command('--resume')}`" if can_resume else ""
    _say(f"edgecls: interrupted{how}")


def _say(text: str) -> None:
    text = hide_secrets(without_typed_secrets(text))
    print(wrap_for(sys.stderr, text), file=sys.stderr, flush=True)
