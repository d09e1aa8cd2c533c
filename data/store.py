"""Where a data set's files lie: a folder, or a zip, which is read in place and never unpacked to the disk."""

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..edge_runtime.errors import BadData, reading_failed
from ..edge_runtime.files import read_whole
from ..edge_runtime.images.jpeg_header import MAX_PIXELS

MAX_FILE_BYTES = MAX_PIXELS * 3
"""Limit for a file in a zip: an uncompressed image of the largest size that is decoded."""
MAX_RATIO = 100
"""Limit for unpacked to packed size. Photographs hardly shrink in a zip; a zip bomb grows a thousandfold."""
MIN_SUSPECT_BYTES = 1 << 30
"""A zip that unpacks to less is accepted whatever its ratio."""
_ENCRYPTED = 1  # bit of an entry's flags


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


def open_folder(folder: Path) -> Store:
    """Lists a folder and everything below it; links to folders are followed, each folder once.

    Raises:
        PermissionRefused, BadData: it cannot be listed.
    """
    files, folders = [], []
    seen: set[str] = set()
    try:
        for parent, names, file_names in os.walk(folder, followlinks=True, onerror=_fail):
            real = os.path.realpath(parent)
            if real in seen:
                names.clear()  # a link back up would never end
                continue
            seen.add(real)
            inside = PurePosixPath(Path(parent).relative_to(folder).as_posix())
            folders.append(inside)
            files += [inside / name for name in file_names]
    except OSError as error:
        raise reading_failed(folder, error) from error

    def read(path: PurePosixPath) -> bytes:
        if not (folder / path).is_file():  # a pipe would block for ever
            raise BadData(f"{path}: not a file")
        return read_whole(folder / path)

    return Store(str(folder), tuple(files), tuple(folders), read)


def _fail(error: OSError) -> None:
    raise error


@contextmanager
def open_zip(path: Path) -> Iterator[Store]:
    """Opens a zip as a store; a context manager.

    Raises:
        BadData: not a zip, damaged, or refused: a name that leads out of the zip, a link, a zip bomb.
    """
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise reading_failed(path, error) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BadData(f"{path}: not a whole zip: {error}; copy or download it again") from error
    with archive:
        entries = {_checked_path(entry, path): entry for entry in archive.infolist()}
        _check_size(entries, path)

        def read(file: PurePosixPath) -> bytes:
            if entries[file].flag_bits & _ENCRYPTED:
                raise BadData(f"{file}: encrypted; unpack the zip and give the folder")
            try:
                return archive.read(entries[file])
            except NotImplementedError as error:
                raise BadData(f"{file}: packed by an unknown method; zip it again") from error
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
                raise BadData(f"{file}: damaged in the zip; copy or download it again") from error

        yield Store(
            str(path),
            tuple(file for file, entry in entries.items() if not entry.is_dir()),
            tuple(file for file, entry in entries.items() if entry.is_dir()),
            read,
        )


def _checked_path(entry: zipfile.ZipInfo, path: Path) -> PurePosixPath:
    """Returns the entry's path inside the zip; some Windows tools write backslashes.

    A name that leads out of the zip refuses the whole zip, although nothing is written: whoever made it
    cannot be trusted with the other images either.
    """
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in name.split("/"):
        raise BadData(
            f"{path}: refused: the name {entry.filename!r} leads out of the zip; do not trust this file"
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise BadData(f"{path}: refused: {entry.filename!r} is a symbolic link; zip the images themselves")
    return PurePosixPath(name)


def _check_size(entries: dict[PurePosixPath, zipfile.ZipInfo], path: Path) -> None:
    """Refuses zip bombs by the sizes in the directory, beyond which zipfile reads nothing of an entry."""
    for entry in entries.values():
        if entry.file_size > MAX_FILE_BYTES:
            raise BadData(
                f"{path}: refused: {entry.filename!r} unpacks to {entry.file_size / 1e6:,.0f} MB; "
                f"the limit is {MAX_FILE_BYTES / 1e6:,.0f}"
            )
    total = sum(entry.file_size for entry in entries.values())
    packed = path.stat().st_size
    if total > max(MIN_SUSPECT_BYTES, packed * MAX_RATIO):
        raise BadData(
            f"{path}: refused: its {packed / 1e6:,.1f} MB unpack to {total / 1e9:,.1f} GB, like a zip bomb; "
            "give the unpacked folder if you trust it"
        )
