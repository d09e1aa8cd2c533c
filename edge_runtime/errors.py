"""Errors: one tree of what a user can fix; the command line catches only these.

    EdgeclsError                 exit code
    ├── CheckFailed                  1   a check failed: parity, verify, a limit on the accuracy change
    ├── UsageError                   2   an option or argument makes no sense
    │   └── UnknownChoice            2   a value is none of those that an option takes
    ├── BadData                     65   the file exists, its content is not what it should be
    │   ├── BadModel                65
    │   │   ├── InvalidOutput       65   NaN or infinity came out of the network
    │   │   └── EngineStuck         65   the network gives no answer for a picture, or takes all memory
    │   └── BadImage                65
    ├── MissingInput                66   no such file
    ├── Unavailable                 69   a camera, a server or an optional package is missing
    ├── OutputFailed                74   writing failed
    ├── ReadFailed                  74   reading failed, and not for what the file is
    ├── PermissionRefused           77   the system does not allow reading or writing
    └── BadConfiguration            78   options that contradict each other or the machine

The codes are those of sysexits.h (`os.EX_*`, which Windows lacks). A message is one line: what went wrong,
with which file or value, and after a semicolon what to do: `<which>: <why>; <what to do>`. Any other
exception is a bug and shows its traceback.
"""

import errno
import os
from collections.abc import Iterable
from os import PathLike

from .masking import hide_secrets
from .text import printable


class EdgeclsError(Exception):
    """Base class of all errors that are not bugs.

    Its message is one line whatever names and libraries' texts are in it, without control characters, and
    with masked passwords: it goes to terminals, journals, events and the page.
    """

    exit_code = 70
    may_pass = False
    """Whether waiting can help. Then the exit code is 69 or 74: a service is not started again after 2, 65,
    66, 77 or 78."""

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(hide_secrets(message)))


class CheckFailed(EdgeclsError):
    """A comparison that was asked for failed."""

    exit_code = 1


class UsageError(EdgeclsError):
    """An option or argument makes no sense."""

    exit_code = 2


class UnknownChoice(UsageError):
    """A value is none of those that an option takes; the command line adds which one was meant."""

    def __init__(self, message: str, value: str, choices: Iterable[str]) -> None:
        super().__init__(message)
        self.value, self.choices = value, tuple(choices)


class BadData(EdgeclsError):
    """A file's content is not what it should be."""

    exit_code = 65


class BadModel(BadData):
    """A model file is damaged, refused, or not a model."""


class InvalidOutput(BadModel):
    """The network failed on a picture, or returned NaN or infinity for it."""


class EngineStuck(BadModel):
    """The network gives no answer for a picture, or takes all memory for it.

    Its thread cannot be ended, so nothing else can be asked of this process's engine.
    """


class BadImage(BadData):
    """An image or video cannot be decoded, or is too large."""


class MissingInput(EdgeclsError):
    """A file does not exist: one that the user named, or one that an earlier command writes."""

    exit_code = 66


class Unavailable(EdgeclsError):
    """A camera, a server or an optional package is missing."""

    exit_code = 69
    may_pass = True


class OutputFailed(EdgeclsError):
    """Writing failed: the disk is full or broken."""

    exit_code = 74
    may_pass = True


class ReadFailed(EdgeclsError):
    """Reading failed: the disk is broken, a network drive is away, memory or file descriptors are short."""

    exit_code = 74
    may_pass = True


class PermissionRefused(EdgeclsError):
    """The system does not allow reading or writing."""

    exit_code = 77


class BadConfiguration(EdgeclsError):
    """Options that contradict each other or the machine."""

    exit_code = 78


_NAMES_NOTHING = (errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO)
"""What is wrong with a name, whatever becomes of the disk."""


def reading_failed(path: str | PathLike[str], error: OSError) -> EdgeclsError:
    """Returns the error to raise when `path` could not be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return MissingInput(f"{path}: no such file; check the name")
    if error.errno in (errno.EACCES, errno.EPERM):
        return PermissionRefused(f"{path}: permission denied; check its permissions")
    if isinstance(error, IsADirectoryError):
        return BadData(f"{path}: cannot be read: {_reason(error)}; name a file in it")
    if error.errno in _NAMES_NOTHING:
        return BadData(f"{path}: cannot be read: {_reason(error)}; check the name")
    return ReadFailed(f"{path}: cannot be read: {_reason(error)}; check the disk")


def writing_failed(path: str | PathLike[str], error: OSError) -> EdgeclsError:
    """Returns the error to raise when `path` could not be written."""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return PermissionRefused(
            f"cannot write {path}: {_reason(error)}; choose another folder or change its permissions"
        )
    if isinstance(error, FileExistsError | NotADirectoryError):
        return OutputFailed(f"cannot write {path}: its folder is a file; choose another folder")
    remedies = {
        errno.ENOSPC: "free some space and run it again",
        errno.EFBIG: "allow larger files with `ulimit -f`",
        None: "free some space, or check the disk",  # numpy: 826368 requested and 20352 written
    }
    remedy = remedies.get(error.errno, "check the disk")
    return OutputFailed(f"cannot write {path}: {_reason(error)}; {remedy}")


def can_waiting_help(error: OSError) -> bool:
    """Whether writing may work later without a change to the command: the disk is full, or is gone."""
    if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
        return False
    return error.errno not in (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP)


_SHORTAGES = {
    errno.EMFILE: "too many open files; allow more with `ulimit -n`",
    errno.ENFILE: "the system has too many open files; end other programs",
    errno.ENOMEM: "not enough memory; allow more with `ulimit -v`, or end other programs",
    errno.EFBIG: "a file may not grow any more; allow more with `ulimit -f`",
    errno.ENOSPC: "no space left on device; free some space and run it again",
    errno.EDQUOT: "your disk quota is used up; free some space and run it again",
    errno.EIO: "input/output error; check the disk or terminal",
}


def shortage(error: OSError | MemoryError) -> str | None:
    """Returns what the system lacks, in words, where that may happen anywhere; None for a bug."""
    if isinstance(error, MemoryError):
        return _SHORTAGES[errno.ENOMEM]
    if isinstance(error, FileNotFoundError) and _has_lost_its_folder():
        return "the current folder was removed; change to another one and run it again"
    reason = _SHORTAGES.get(error.errno or 0)
    return f"{error.filename}: {reason}" if reason and error.filename else reason


def _has_lost_its_folder() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - which says no more
    except FileNotFoundError:
        return True
    return False


def _reason(error: OSError) -> str:
    # By its number where it has one: HDF5 writes a long text of its own.
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


class Damage(ValueError):
    """What contradicts itself in a file, in words for its user."""


def damage_text(error: Exception) -> str:
    """Returns what is wrong with a file, in words; flatbuffers' own say which of its functions failed."""
    return str(error) if isinstance(error, Damage) else "its tables point outside the file"
