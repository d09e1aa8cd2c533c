"""What one check found."""

from dataclasses import dataclass
from enum import StrEnum

from ..errors import EdgeclsError


class Level(StrEnum):
    """How bad it is."""

    PROBLEM = "problem"
    """Something does not work, or gives wrong answers, until it is mended."""
    WARNING = "warning"
    """Something works worse than it could, or will stop working."""
    OK = "ok"
    UNKNOWN = "unknown"
    """It was not looked at: the system does not say, or something else must be mended first."""


@dataclass(frozen=True)
class Finding:
    """What one check found, and what mends it."""

    check: str
    """The check's name, one for all that it may find."""
    level: Level
    what: str
    """What is the matter, on one line, with the file, value or device."""
    command: str = ""
    """What to type, exactly so. Empty where no command helps, as with a weak power supply."""
    advice: str = ""
    """What else to do, or to do after the command."""


def ok(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, what)


def problem(check: str, what: str, command: str = "", advice: str = "") -> Finding:
    """Something must be mended."""
    return Finding(check, Level.PROBLEM, what, command, advice)


def warning(check: str, what: str, command: str = "", advice: str = "") -> Finding:
    """Something should be mended."""
    return Finding(check, Level.WARNING, what, command, advice)


def unknown(check: str, what: str) -> Finding:
    """Nobody knows."""
    return Finding(check, Level.UNKNOWN, what)


def from_error(check: str, error: EdgeclsError) -> Finding:
    """An error of ours as a problem: it says after a semicolon what to do."""
    what, _, remedy = str(error).partition("; ")
    return problem(check, what, advice=remedy)
