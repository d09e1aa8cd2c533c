"""Findings of the doctor: what is wrong, and how to fix it."""

from dataclasses import dataclass
from enum import StrEnum

from ..errors import EdgeclsError


class Level(StrEnum):
    """Severity of a finding."""

    PROBLEM = "problem"
    """Something does not work, or gives wrong results, until it is fixed."""
    WARNING = "warning"
    """Something works worse than it could, or will stop working."""
    OK = "ok"
    UNKNOWN = "unknown"
    """Not checked: the system does not report it, or another problem must be fixed first."""


@dataclass(frozen=True)
class Finding:
    """Result of one check, and how to fix it."""

    check: str
    """The name of the check."""
    level: Level
    what: str
    """The state or problem in one line, with the file, value or device."""
    command: str = ""
    """The exact command that fixes it. Empty if no command helps, as with a weak power supply."""
    advice: str = ""
    """What to do instead of, or after, the command."""


def ok(check: str, what: str) -> Finding:
    """Returns a finding without a problem."""
    return Finding(check, Level.OK, what)


def problem(check: str, what: str, command: str = "", advice: str = "") -> Finding:
    """Returns a finding that must be fixed."""
    return Finding(check, Level.PROBLEM, what, command, advice)


def warning(check: str, what: str, command: str = "", advice: str = "") -> Finding:
    """Returns a finding that should be fixed."""
    return Finding(check, Level.WARNING, what, command, advice)


def unknown(check: str, what: str) -> Finding:
    """Returns a finding that could not be checked."""
    return Finding(check, Level.UNKNOWN, what)


def from_error(check: str, error: EdgeclsError) -> Finding:
    """Turns an error into a problem: what to do stands behind its semicolon."""
    what, _, remedy = str(error).partition("; ")
    return problem(check, what, advice=remedy)
