"""Passed files: the model files that a guarded process has opened on this machine, by their SHA-256.

A seal says that a file is whole, not who made it: anyone can compute one. So a file is first opened in a
process with limits (`trial.py`), and once it has passed, its digest is kept in the user's state folder, so
that the next start need not pay for it. Without a folder that can be written, every start does.
"""

import os
import platform
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import Literal

from ..errors import EdgeclsError
from ..files import write_whole
from ..user_folders import state_folder

Trial = Literal["run", "inspect", "hdf5", "keras", "keras-content"]
"""What a file has passed: its engine ran it; `edgecls inspect` read it; its HDF5 was read; Keras built it."""

_MOST = 500
"""Files that are remembered, the last ones: 40 kB."""
_HEAD = "edgecls passed files 1"
"""With another number once the trial is another one: then nothing has passed yet."""
_LINE = re.compile(r"[0-9a-f]{64} (?:run|inspect|hdf5|keras)")
_MOST_BYTES = 128 * (_MOST + 1)
_in_this_process: set[str] = set()


def has_passed(sha256: str, trial: Trial) -> bool:
    """Whether a file with this digest has passed on this machine, for this user."""
    line = f"{sha256} {trial}"
    return line in _in_this_process or line in _read()


def remember(sha256: str, *trials: Trial) -> None:
    """Remembers that a file has passed, or that this machine has just written it."""
    lines = [f"{sha256} {trial}" for trial in trials]
    _in_this_process.update(lines)
    path = _path()
    if path is None:
        return
    others = [line for line in _read() if line not in lines]
    with suppress(
        EdgeclsError, OSError
    ):  # no home that can be written, a full disk: the next start tries it again
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, "\n".join([_HEAD, *[*others, *lines][-_MOST:], ""]), is_private=True)


def _path() -> Path | None:
    """Of this machine alone: a home on a network disk serves several, with other processors."""
    folder = state_folder()
    machine = re.sub(r"[^\w.-]", "_", platform.node())[:64] or "unknown"
    return folder and folder / f"passed-{machine}.txt"


def _read() -> list[str]:
    """The lines of the file; none where it is missing, damaged, or another user could have written it."""
    path = _path()
    if path is None:
        return []
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait
        with os.fdopen(descriptor, "rb") as file:
            if not _is_ours(os.fstat(descriptor)):
                return []
            head, *lines = file.read(_MOST_BYTES).decode("ascii", "replace").splitlines() or [""]
            return [line for line in lines if _LINE.fullmatch(line)] if head == _HEAD else []
    return []


def _is_ours(status: os.stat_result) -> bool:
    """Whether only this user, or root, can have written the file; Windows has no such owners."""
    if not stat.S_ISREG(status.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True
    is_open = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return status.st_uid in (0, os.geteuid()) and not is_open
