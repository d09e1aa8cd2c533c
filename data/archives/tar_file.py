"""Tars as stores, also compressed: `.tar.gz`, `.tgz`, `.tar.bz2`, `.tar.xz`.

A compressed tar can only be read from its start, and pictures are read in any order. So it is unpacked as a
whole into a temporary file without a name, which is gone when the program ends.
"""

import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import IO, Any

from ...edge_runtime.errors import BadData, OutputFailed, reading_failed
from ..folders.name_encodings import NO_HINTS, NameHints
from ..store import Store
from .limits import check_file_size, check_total_size, checked_path

_MODULES = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ": "lzma", b"]\0\0": "lzma"}
"""First bytes, and the module of the standard library that unpacks them."""
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
    return first_name(path) != ""


def first_name(path: Path) -> str:
    """Returns the name of the first file in a tar; empty if it is none."""
    module = _module_for(path)
    try:
        with (import_module(module).open if module else open)(path, "rb") as file:
            block = file.read(_BLOCK_BYTES)
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape").name
    except (ImportError, *_damage(module)):
        return ""


def _module_for(path: Path) -> str | None:
    """Returns the module that unpacks a file; None for a tar that is not packed."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise reading_failed(path, error) from error
    return next((module for magic, module in _MODULES.items() if start.startswith(magic)), None)


def _damage(module: str | None) -> tuple[type[Exception], ...]:
    """Returns what damaged files raise; some Pythons are built without lzma."""
    more = (import_module("lzma").LZMAError,) if module == "lzma" and find_spec("_lzma") else ()
    return (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, *more)


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Opens the tar itself, or a temporary file with what is in the compressed one."""
    module = _module_for(path)
    if module is None:
        with path.open("rb") as file:
            yield file
        return
    try:
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    except OSError as error:
        raise _no_room(path, error) from error
    with unpacked:
        _unpack(module, path, unpacked)
        yield unpacked


def _unpack(module: str, path: Path, unpacked: IO[bytes]) -> None:
    total = 0
    try:
        with import_module(module).open(path, "rb") as packed:
            while chunk := packed.read(_CHUNK_BYTES):
                total += len(chunk)
                check_total_size(total, path)
                _write(unpacked, chunk, path)
    except ImportError as error:
        raise BadData(
            f"{path}: this Python cannot unpack it ({error}); unpack it, and give the folder"
        ) from error
    except _damage(module) as error:
        raise BadData(f"{path}: not a whole tar: {error}; copy or download it again") from error


def _write(unpacked: IO[bytes], chunk: bytes, path: Path) -> None:
    try:
        unpacked.write(chunk)
        unpacked.flush()
    except OSError as error:
        raise _no_room(path, error) from error


def _no_room(path: Path, error: OSError) -> OutputFailed:
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return OutputFailed(
        f"{path}: no room to unpack it: {reason}; set TMPDIR to a folder with more, or unpack it and give "
        "the folder"
    )


# What is in it


class _Entry(tarfile.TarInfo):
    """A header whose size is not negative, which would be read for ever (CVE-2025-8194)."""

    def _block(self, count: int) -> int:
        if count < 0:
            raise tarfile.ReadError("a negative size")
        return super()._block(count)  # type: ignore[misc]


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
        with tarfile.open(fileobj=headers, mode="r:", errors="surrogateescape", tarinfo=_Entry) as opened:
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
    except _damage(None) as error:
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
    if not links:
        return places
    found = dict(places)
    around = {*folders, *(folder for file in places for folder in file.parents)}
    for name, first in links.items():
        target, seen = first, {name}
        while target in links and target not in seen:
            seen.add(target)
            target = links[target]
        if target in places:
            found[name] = places[target]
        elif target in around:
            raise BadData(f"{path}: {str(name)!r} is a link to a folder; unpack the tar and give the folder")
    return found
