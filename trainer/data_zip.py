"""Class folders in a zip, read straight out of it: nothing is ever unpacked to the disk."""

import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..edge_runtime.errors import BadData, reading_failed
from ..edge_runtime.pixel_limit import MAX_PIXELS
from .data_layout import Store

MAX_FILE_BYTES = MAX_PIXELS * 3
"""An uncompressed image of the largest size that is decoded."""
MAX_RATIO = 100
"""Of all files to the zip itself. Photographs hardly shrink in a zip; a bomb grows a thousandfold."""
MIN_SUSPECT_BYTES = 1 << 30
"""A zip that unpacks to less is no bomb, whatever its ratio."""
_ENCRYPTED = 1  # of an entry's flags


@contextmanager
def open_zip(path: Path) -> Iterator[Store]:
    """Opens a zip as a store, for as long as the block runs.

    Raises:
        BadData: not a zip, damaged, or refused: a name that leaves the zip, a link, a bomb.
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
                raise BadData(f"{file}: packed by a method that is not known; zip it again") from error
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
                raise BadData(f"{file}: damaged in the zip; copy or download it again") from error

        yield Store(
            str(path),
            tuple(file for file, entry in entries.items() if not entry.is_dir()),
            tuple(file for file, entry in entries.items() if entry.is_dir()),
            read,
        )


def _checked_path(entry: zipfile.ZipInfo, path: Path) -> PurePosixPath:
    """The entry's path inside the zip; some Windows tools write backslashes.

    A zip that tries to leave its folder is refused as a whole, although nothing is written anyway: its
    other images are no more to be trusted.
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
    """Refuses bombs by the sizes in the directory: zipfile reads no more of an entry than it says there."""
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
