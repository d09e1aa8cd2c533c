"""Tars as stores, also compressed: `.tar.gz`, `.tgz`, `.tar.bz2`, `.tar.xz`.

A compressed tar can only be read from its start, and pictures are read in any order. So it is unpacked as a
whole into a temporary file without a name, which is gone when the program ends.
"""

import bz2
import gzip
import lzma
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import IO, Any

from ...edge_runtime.errors import BadData, OutputFailed, reading_failed
from ..folders.name_encodings import NO_HINTS, NameHints
from ..store import Store
from .limits import check_file_size, check_total_size, checked_path

_OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open, b"]\0\0": lzma.open}
_DAMAGED = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)
_CHUNK_BYTES = 1 << 20
_LARGEST_HEADER_BYTES = 1 << 20
_BLOCK_BYTES = 512


@dataclass(frozen=True)
class _Place:
    """Where a file's content is in the unpacked tar."""

    start: int
    size_bytes: int


@contextmanager
def open_tar(path: Path, hints: NameHints = NO_HINTS) -> Iterator[Store]:
    """Opens a tar as a store; a context manager.

    Args:
        path: the file.
        hints: about names that are not UTF-8.

    Raises:
        BadData: not a tar, cut, damaged, or refused: a name or a link that leads out of it, a device, a bomb.
        OutputFailed: there is no room for the temporary file.
    """
    with _unpacked(path) as file:
        places, folders = _list(file, path)
        lock = Lock()

        def read(name: PurePosixPath) -> bytes:
            place = places[name]
            with lock:  # pictures are read by several threads
                file.seek(place.start)
                return file.read(place.size_bytes)

        yield Store(str(path), tuple(places), tuple(folders), read, hints=hints)


def is_tar(path: Path) -> bool:
    """Whether a file is a tar, compressed or not."""
    try:
        opener = _opener(path)
        with (opener or open)(path, "rb") as file:
            block = file.read(_BLOCK_BYTES)
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except _DAMAGED:
        return False
    return True


def first_name(path: Path) -> str:
    """Returns the name of the first file in a tar; empty if it is none."""
    try:
        with tarfile.open(path, "r|*") as archive:
            first = archive.next()
            return first.name if first else ""
    except _DAMAGED:
        return ""


def _opener(path: Path) -> Any:  # gzip.open or its like
    with path.open("rb") as file:
        start = file.read(8)
    return next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Opens the tar itself, or a temporary file with what is in the compressed one."""
    try:
        opener = _opener(path)
        if opener is None:
            with path.open("rb") as file:
                yield file
            return
    except OSError as error:
        raise reading_failed(path, error) from error
    with tempfile.TemporaryFile() as unpacked:
        _unpack(opener, path, unpacked)
        yield unpacked


def _unpack(opener: Any, path: Path, unpacked: IO[bytes]) -> None:
    total = 0
    try:
        with opener(path, "rb") as packed:
            while chunk := packed.read(_CHUNK_BYTES):
                total += len(chunk)
                check_total_size(total, path)
                _write(unpacked, chunk, path)
    except _DAMAGED as error:
        raise BadData(f"{path}: not a whole tar: {error}; copy or download it again") from error


def _write(unpacked: IO[bytes], chunk: bytes, path: Path) -> None:
    try:
        unpacked.write(chunk)
    except OSError as error:
        raise OutputFailed(
            f"{path}: no room to unpack it in {tempfile.gettempdir()}: "
            f"{os.strerror(error.errno or 0).lower()}; set TMPDIR to a folder with more, or unpack it and "
            "give the folder"
        ) from error


# What is in it


class _Headers:
    """A tar of which only headers are read: no more at once than a header has."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file, self._path = file, path
        self.seek, self.tell = file.seek, file.tell

    def read(self, size_bytes: int = -1) -> bytes:
        if not 0 <= size_bytes <= _LARGEST_HEADER_BYTES:
            raise BadData(f"{self._path}: refused: a header of {size_bytes:,} bytes; do not trust this file")
        return self._file.read(size_bytes)


def _list(file: IO[bytes], path: Path) -> tuple[dict[PurePosixPath, _Place], list[PurePosixPath]]:
    """Returns where each file is, and the folders."""
    file.seek(0)
    places: dict[PurePosixPath, _Place] = {}
    folders: list[PurePosixPath] = []
    links: dict[PurePosixPath, PurePosixPath] = {}
    end = 0
    try:
        headers: Any = _Headers(file, path)
        with tarfile.open(fileobj=headers, mode="r:", errors="surrogateescape") as opened:
            archive: Any = opened
            while entry := archive.next():
                archive.members.clear()  # it would keep them all
                name = checked_path(entry.name, path)
                if entry.isdir():
                    folders.append(name)
                elif entry.islnk() or entry.issym():
                    links[name] = _target(entry, name, path)
                elif entry.isreg() and not entry.issparse():
                    check_file_size(entry.name, entry.size, path)
                    places[name] = _Place(entry.offset_data, entry.size)
                else:
                    raise BadData(
                        f"{path}: refused: {entry.name!r} is a device or a sparse file; do not trust this "
                        "file"
                    )
            end = archive.offset
    except _DAMAGED as error:
        raise BadData(f"{path}: not a whole tar: {error}; copy or download it again") from error
    file.seek(end)
    if len(file.read(_BLOCK_BYTES)) < _BLOCK_BYTES:  # a tar ends with empty blocks
        raise BadData(f"{path}: not a whole tar: it ends too early; copy or download it again")
    return _with_links(places, folders, links, path), folders


def _target(entry: tarfile.TarInfo, name: PurePosixPath, path: Path) -> PurePosixPath:
    """Returns what a link points to, inside the tar."""
    around = name.parent if entry.issym() else PurePosixPath()
    target = PurePosixPath(os.path.normpath(around / entry.linkname))
    if target.is_absolute() or ".." in target.parts:
        raise BadData(
            f"{path}: refused: the link {entry.name!r} leads out of the tar; pack the images themselves"
        )
    return target


def _with_links(
    places: dict[PurePosixPath, _Place],
    folders: list[PurePosixPath],
    links: dict[PurePosixPath, PurePosixPath],
    path: Path,
) -> dict[PurePosixPath, _Place]:
    """Adds the files that are links to others."""
    found = dict(places)
    for name, first in links.items():
        target, seen = first, {name}
        while target in links and target not in seen:
            seen.add(target)
            target = links[target]
        if target in places:
            found[name] = places[target]
        elif target in folders or any(target in file.parents for file in places):
            raise BadData(f"{path}: {str(name)!r} is a link to a folder; unpack the tar and give the folder")
    return found
