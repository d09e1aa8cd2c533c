"""Locks that end with the process that holds them, and hidden folders for files that are not finished.

A lock is on what is open, not a file of its own, so that nothing is left of it, however the process ends.
Where a file system has no locks, as some network disks, everything works without.
"""

import errno
import hashlib
import os
import shutil
import time
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path

from .errors import BadConfiguration

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_PREFIX = ".edgecls-part-"
"""Of hidden folders; nothing else is called so."""
_TIDY_S = 60.0
"""A folder that may hold thousands of files is not looked through more often."""
_tidy_at_s: dict[Path, float] = {}
_ATTEMPTS = 100
"""To make a hidden folder while other processes remove theirs."""


class Lock(Enum):
    """Who holds a lock."""

    OURS = auto()
    THEIRS = auto()
    NONE = auto()
    """The file system has no locks."""


def lock(descriptor: int) -> Lock:
    """Takes the lock on an open file or folder, without waiting; closing the descriptor gives it back."""
    if fcntl is None:
        return Lock.NONE
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return Lock.THEIRS if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else Lock.NONE
    return Lock.OURS


class _Held:
    """What this process has open, and with it the lock, until `close`."""

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = None
        self.path = path

    def close(self) -> None:
        """Gives the lock back. May be called twice."""
        if self._descriptor is not None:
            with suppress(OSError):  # a disk that is gone
                os.close(self._descriptor)
            self._descriptor = None

    __del__ = close


class LockedFile(_Held):
    """A file that lines are appended to, open and locked while it is the one that is found under its path."""

    def descriptor(self) -> int:
        """Returns the open file; a new one where others have removed or renamed it.

        Raises:
            BlockingIOError: another process has locked it.
            OSError: it cannot be opened.
        """
        if self._descriptor is not None and not self._is_there(self._descriptor):
            self.close()
        if self._descriptor is None:
            # Windows has text mode, which would write two bytes for a newline.
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            opened = os.open(self.path, flags, 0o666)
            if lock(opened) is Lock.THEIRS:
                os.close(opened)
                raise BlockingIOError(errno.EAGAIN, "another edgecls is writing it")
            self._descriptor = opened
        return self._descriptor

    def _is_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False


class LockedFolder(_Held):
    """A folder that this process has locked; `close` gives it back.

    Raises:
        OSError: it is not there, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lock = Lock.NONE
        if fcntl is None:
            return
        self._descriptor = os.open(path, os.O_RDONLY)
        self.lock = lock(self._descriptor)
        if self.lock is not Lock.OURS:
            self.close()

    @property
    def is_there(self) -> bool:
        """Whether the folder is still the one that is found under its path."""
        if self._descriptor is None:
            return self.path.is_dir()
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except OSError:
            return False


class PartFolder:
    """A hidden folder for files that are not finished; `close` removes it with all that is in it.

    What a killed process has left is removed when another one makes its own beside it.

    Args:
        folder: where the finished files go.
        only_for: the file that no other process may write meanwhile; None: any number may.

    Raises:
        BadConfiguration: another process writes `only_for`.
        OSError: nothing can be written there.
    """

    def __init__(self, folder: Path, only_for: Path | None = None) -> None:
        self._is_ours = False
        now_s = time.monotonic()
        if now_s >= _tidy_at_s.get(folder, 0.0):
            _tidy_at_s[folder] = now_s + _TIDY_S
            remove_abandoned(folder)
        for _ in range(_ATTEMPTS):
            self.path = folder / f"{_PREFIX}{_key(only_for) if only_for else os.urandom(6).hex()}"
            try:
                self.path.mkdir(mode=0o700)
                is_new = True
            except FileExistsError:
                is_new = False
            with suppress(FileNotFoundError):  # another process has removed it just now
                self._locked = LockedFolder(self.path)
                holder = self._locked.lock
                if holder is Lock.THEIRS and only_for:
                    raise BadConfiguration(
                        f"{only_for}: another edgecls is writing it; name another file, or end the other"
                    )
                self._is_ours = (
                    self._locked.is_there if holder is Lock.OURS else holder is Lock.NONE and is_new
                )
                if self._is_ours:
                    return
                if holder is Lock.NONE:
                    only_for = None  # what a killed process has left looks like another's, so take a new one
                self._locked.close()
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    @property
    def is_there(self) -> bool:
        """Whether it is still found under its path: a disk may have been taken away, or exchanged."""
        return self._locked.is_there

    def close(self) -> None:
        """Removes the folder. May be called twice."""
        if self._is_ours:
            if self.is_there:
                shutil.rmtree(self.path, ignore_errors=True)
            self._locked.close()
        self._is_ours = False

    __del__ = close


def _key(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]


def remove_abandoned(folder: Path) -> None:
    """Removes the hidden folders of processes that have ended, such as by kill -9 or a power cut."""
    with suppress(OSError):  # it is not there, or cannot be read: nothing of ours is in it
        for entry in os.scandir(folder):
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                _remove_if_abandoned(Path(entry.path))


def _remove_if_abandoned(path: Path) -> None:
    with suppress(OSError):  # it is gone meanwhile, or belongs to another user
        locked = LockedFolder(path)
        if locked.lock is Lock.OURS:
            shutil.rmtree(path, ignore_errors=True)
        locked.close()
