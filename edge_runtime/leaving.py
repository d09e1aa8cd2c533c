"""Leaving: ends this process, also where a thread is in a library that does not return.

Python would then run the library's destructors under that thread, which may crash.
"""

import os
import sys
from contextlib import suppress
from typing import NoReturn

_stuck: list[str] = []


def note_stuck(what: str) -> None:
    """Notes that a thread will not end; `what` is for whoever debugs."""
    _stuck.append(what)


def leave(code: int | None) -> NoReturn:
    """Ends this process with an exit code; None is 0."""
    if not _stuck:
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # full or closed
            stream.flush()
    os._exit(code or 0)
