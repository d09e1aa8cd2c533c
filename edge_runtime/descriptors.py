"""File descriptors: the standard three, what libraries write to them, and files that are in memory only."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TextIO, cast

from .text import printable_lines


def open_standard_descriptors() -> None:
    """Opens the null device in place of descriptors 0, 1 and 2 where they are closed.

    As cron and old init scripts start programs (`<&- >&- 2>&-`), the next files and pipes would get these
    numbers, and a child process would take a camera's memory for its stdin. Python's own streams, which are
    None there, are set, so that nobody has to ask.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            _open_null_device()  # gets the lowest number that is free: this one
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, _null_stream("r" if number == 0 else "w"))


def _open_null_device() -> None:
    with suppress(OSError):  # a system without /dev; then nothing can be done
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _null_stream(mode: str) -> IO[str]:
    # Not on the descriptor's number: a library may have got it for a file before this was called.
    stream = Path(os.devnull).open(mode, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - kept
    return cast("IO[str]", stream)


def drop_stdout() -> None:
    """Throws away what still waits to be written to a stdout that is full or has no reader."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)


def scratch_file() -> IO[bytes]:
    """Returns an open file without a name, for what is kept for a moment only.

    It is in memory where the system has such files, since a disk may be full or read-only; elsewhere in the
    temporary folder. Where there is none either, what is written is lost.
    """
    with suppress(AttributeError, OSError):  # macOS and Windows; a system that forbids it
        return os.fdopen(os.memfd_create("edgecls"), "w+b")
    import tempfile  # noqa: PLC0415 - a megabyte, which the capture process does without

    try:
        return tempfile.TemporaryFile()
    except OSError:
        return Path(os.devnull).open("w+b")


@contextmanager
def native_stderr_held() -> Generator[None]:
    """Keeps file descriptor 2 silent; when the block fails, what was held back is written after all.

    TensorFlow announces CPU features and missing GPUs through a logger that writes before its own log level
    is read, so no setting stops it. An interruption is no failure. Not for use while another thread writes to
    stderr.
    """
    open_standard_descriptors()  # a library's user may have closed them
    with suppress(OSError, ValueError):  # a stderr that is full or closed must not end what is done here
        sys.stderr.flush()
    real = os.dup(2)
    try:
        with scratch_file() as held:
            os.dup2(held.fileno(), 2)
            try:
                yield
            except Exception:
                held.seek(0)
                with suppress(OSError):
                    os.write(real, printable_lines(held.read()))
                raise
            finally:
                os.dup2(real, 2)
    finally:
        os.close(real)


def take_stdout() -> TextIO:
    """A line-buffered stdout of our own; what libraries print to theirs goes to stderr from now on."""
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(ours, "w", buffering=1, encoding="utf-8")
