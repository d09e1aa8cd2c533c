"""Class folders on a disk."""

import os
from pathlib import Path, PurePosixPath

from ..edge_runtime.errors import BadData, reading_failed
from ..edge_runtime.files import read_whole
from .data_layout import Store


def open_folder(folder: Path) -> Store:
    """Lists a folder and all below it; links to folders are followed, each folder once.

    Raises:
        PermissionRefused, BadData: it cannot be listed.
    """
    files, folders = [], []
    seen: set[str] = set()
    try:
        for parent, names, file_names in os.walk(folder, followlinks=True, onerror=_fail):
            real = os.path.realpath(parent)
            if real in seen:
                names.clear()  # a link back up: do not go round
                continue
            seen.add(real)
            inside = PurePosixPath(Path(parent).relative_to(folder).as_posix())
            folders.append(inside)
            files += [inside / name for name in file_names]
    except OSError as error:
        raise reading_failed(folder, error) from error

    def read(path: PurePosixPath) -> bytes:
        if not (folder / path).is_file():  # reading a pipe would wait for ever
            raise BadData(f"{path}: not a file")
        return read_whole(folder / path)

    return Store(str(folder), tuple(files), tuple(folders), read)


def _fail(error: OSError) -> None:
    raise error
