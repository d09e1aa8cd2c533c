"""Which kind of archive a file is; what to do about those that are not read."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...edge_runtime.errors import BadData, reading_failed
from ..folders.name_encodings import NO_HINTS, NameHints
from ..store import Store
from .tar_file import is_tar, open_tar
from .zip_file import open_zip

_TAR_SUFFIXES = (".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_UNREAD = {
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "unpack it with `7z x`"),
    b"Rar!\x1a\x07": ("a RAR archive", "unpack it with `unrar x` or 7-Zip"),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file", "unpack it with `tar --zstd -xf` or `unzstd`"),
    b"\x04\x22\x4d\x18": ("an LZ4 file", "unpack it with `lz4 -d`"),
    b"\x1f\x9d": ("a compress file", "unpack it with `uncompress`"),
    b"MSCF": ("a CAB archive", "unpack it with 7-Zip"),
    b"\x1f\x8b": ("a gzip file without a tar in it", "unpack it with `gunzip`"),
    b"BZh": ("a bzip2 file without a tar in it", "unpack it with `bunzip2`"),
    b"\xfd7zXZ": ("an xz file without a tar in it", "unpack it with `unxz`"),
}
"""First bytes, what the file is, how to unpack it."""


def is_archive(path: Path) -> bool:
    """Whether a file is meant as an archive that is read: by its name, or by its content."""
    if not path.is_file():
        return False
    return path.name.lower().endswith((".zip", *_TAR_SUFFIXES)) or zipfile.is_zipfile(path) or is_tar(path)


@contextmanager
def open_archive(path: Path, hints: NameHints = NO_HINTS) -> Iterator[Store]:
    """Opens a zip or tar as a store; a context manager.

    Args:
        path: the file; its content counts, not its name.
        hints: about names that are not UTF-8.

    Raises:
        BadData: an archive of another kind, with how to unpack it; else as `open_zip` and `open_tar`.
    """
    check_known(path)
    is_meant = path.name.lower().endswith(_TAR_SUFFIXES) and not zipfile.is_zipfile(path)
    opened = (
        open_tar if is_tar(path) or is_meant else open_zip
    )  # a tar with a zip at its end looks like a zip
    with opened(path, hints) as store:
        yield store


def check_known(path: Path) -> None:
    """Refuses archives that are not read.

    Raises:
        BadData: it is one, or no file at all.
        PermissionRefused: it cannot be read.
    """
    if not path.is_file():
        raise BadData(f"{path}: not a file; name a folder, a zip or a tar")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise reading_failed(path, error) from error
    for magic, (what, cure) in _UNREAD.items():
        is_cut_tar = "without a tar" in what and path.name.lower().endswith(_TAR_SUFFIXES)
        if start.startswith(magic) and not is_cut_tar and not is_tar(path):
            raise BadData(f"{path}: {what}, which edgecls cannot read; {cure}, and give the folder")
    if path.suffix.lower() in (".001", ".z01"):
        raise BadData(
            f"{path}: one piece of a split archive; join the pieces with 7-Zip (or `cat` for .001, .002 "
            "...), and give the whole"
        )
