"""Where a data set's files lie: a folder here, an archive in `archives/`."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from ..edge_runtime.errors import BadData, reading_failed
from ..edge_runtime.files import PICTURE_BYTES, read_whole
from ..edge_runtime.text import printable
from .folders.litter import is_litter, litter_root
from .folders.name_encodings import NO_HINTS, NameHints

_MAX_LINKS = 3
"""Links to folders that a path may go through: folders that link to each other would be listed for ever."""
_SHOWN = 5


@dataclass(frozen=True)
class Store:
    """The files of a data set."""

    name: str
    """For messages."""
    files: tuple[PurePosixPath, ...]
    folders: tuple[PurePosixPath, ...]
    """Empty ones too: a class without images must be reported."""
    read: Callable[[PurePosixPath], bytes]
    """Returns a file's content; raises EdgeclsError with the reason if it cannot be read."""
    unreadable: tuple[str, ...] = ()
    """Folders that cannot be listed and links that lead nowhere, each with its reason."""
    notes: tuple[str, ...] = ()
    """What the user should know, a line each."""
    hints: NameHints = NO_HINTS
    """About names that are not UTF-8."""


def open_folder(folder: Path, hints: NameHints = NO_HINTS) -> Store:
    """Lists a folder and everything below it, sorted; links to folders are followed, but never in a circle.

    A folder inside that cannot be listed is named and left out.

    Raises:
        PermissionRefused, BadData: the folder itself cannot be listed.
    """
    walk = _Walk(folder)
    try:
        walk.add(PurePosixPath(), frozenset({os.path.realpath(folder)}), 0)
    except OSError as error:
        raise reading_failed(folder, error) from error

    unreadable = tuple(map(printable, walk.unreadable))
    notes = [f"warning: {printable(line)}: its pictures are used twice" for line in walk.twice[:_SHOWN]]
    notes += [f"warning: left out {line}" for line in unreadable[:_SHOWN]]
    if len(unreadable) > _SHOWN:
        notes.append(f"warning: left out {len(unreadable) - _SHOWN:,} more that cannot be read")
    read = partial(read_in, folder)
    return Store(str(folder), tuple(walk.files), tuple(walk.folders), read, unreadable, tuple(notes), hints)


def read_in(folder: Path, path: PurePosixPath) -> bytes:
    """Returns the content of a file that `open_folder` listed.

    Raises:
        BadData, MissingInput, PermissionRefused: it is not a file, or cannot be read.
    """
    full = folder / _as_listed(path)
    if not full.is_file():  # a pipe would block for ever
        raise BadData(f"{path}: not a file")
    return read_whole(full, PICTURE_BYTES)


class _Walk:
    """Lists folders, and what in them cannot be listed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: list[PurePosixPath] = []
        self.folders: list[PurePosixPath] = []
        self.unreadable: list[str] = []
        self.twice: list[str] = []
        """Folders that are listed under two names."""
        self._places: dict[str, PurePosixPath] = {}
        self._linked: set[str] = set()

    def add(self, inside: PurePosixPath, around: frozenset[str], links: int = 0) -> None:
        """Lists a folder; `around` are the real paths of those it is in, `links` counts links among them."""
        try:
            with os.scandir(self.root / _as_listed(inside)) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            if not inside.parts:
                raise
            self.unreadable.append(f"{inside}/: {(error.strerror or str(error)).lower()}")
            return
        self.folders.append(inside)
        for entry in entries:
            path = inside / _as_utf_8(entry.name)
            if not _is_folder(entry):
                self._add_file(path, entry)
            elif is_litter(entry.name):
                self.folders.append(path)
            else:
                real, beyond = os.path.realpath(entry.path), links + entry.is_symlink()
                if real not in around and beyond <= _MAX_LINKS:
                    self._note_twice(path, real, entry.is_symlink())
                    self.add(path, around | {real}, beyond)

    def _note_twice(self, path: PurePosixPath, real: str, is_link: bool) -> None:
        """Notes a folder that a link leads to and that is listed elsewhere, too."""
        first = self._places.setdefault(real, path)
        if first != path and (is_link or real in self._linked):
            self.twice.append(f"{first}/ and {path}/ are the same folder, through a link")
        if is_link:
            self._linked.add(real)

    def _add_file(self, path: PurePosixPath, entry: os.DirEntry[str]) -> None:
        full = Path(entry.path)
        if entry.is_symlink() and not full.exists():
            self.unreadable.append(f"{path}: a link to {full.readlink()}, which is not there")
        else:
            self.files.append(path)


def _as_utf_8(name: str) -> str:
    """Returns a name as UTF-8 reads it, whatever the locale's encoding; other bytes are kept apart."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def _as_listed(path: PurePosixPath) -> str:
    """Returns a path as the system's functions take it."""
    return os.fsdecode(str(path).encode("utf-8", "surrogateescape"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def without_litter(store: Store) -> Store:
    """Returns a store without what systems leave behind; a note counts it."""
    files, folders = ([(path, litter_root(path)) for path in paths] for paths in (store.files, store.folders))
    found = {root for _, root in (*files, *folders) if root}
    if not found:
        return store
    names = {"._*" if root.name.startswith("._") else printable(root.name) for root in found}
    noun = "file or folder" if len(found) == 1 else "files and folders"
    note = f"left out {len(found):,} hidden or system {noun}: {', '.join(sorted(names)[:_SHOWN])}"
    kept = (tuple(path for path, root in paths if not root) for paths in (files, folders))
    return replace(store, files=next(kept), folders=next(kept), notes=(*store.notes, note))
