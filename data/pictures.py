"""Reads and prepares the images of a store, and says which it could not use."""

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from ..edge_runtime.errors import BadData, EdgeclsError, MissingInput, reading_failed
from ..edge_runtime.files import read_whole
from ..edge_runtime.images.jpeg_header import MAX_PIXELS
from ..edge_runtime.images.prepare import decode, prepare
from ..edge_runtime.images.rule import ImageRule
from .layout import EXPECTED, Layout, PartName, Store, find_layout, printable
from .split import Parts, Split

Watch = Callable[[int, int], None]
"""Is told (images done, images in all) now and then."""


def read_pictures(store: Store, rule: ImageRule, watch: Watch) -> Parts:
    """Reads every image of a store's class folders.

    Raises:
        BadData: the layout is none that is known, or a class is left without an image.
    """
    layout = find_layout(store)
    skipped = [f"{printable(str(path))}: not in a class folder" for path in layout.outside]
    total = sum(map(len, layout.parts.values()))
    splits: dict[PartName, Split] = {}
    done = 0
    for part, files in layout.parts.items():
        images = np.empty((len(files), rule.height_px, rule.width_px, 3), np.uint8)
        usable = np.zeros(len(files), bool)
        for index, outcome in enumerate(prepared(store, rule, [path for path, _ in files])):
            if isinstance(outcome, str):
                skipped.append(outcome)
            else:
                images[index], usable[index] = outcome, True
            done += 1
            watch(done, total)
        truth = np.array([class_index for _, class_index in files], np.int64)
        splits[part] = Split(images, truth) if usable.all() else Split(images, truth).where(usable)
    _check_classes(layout, splits, skipped, store.name)
    return Parts(
        layout.labels, splits["train"], splits.get("val"), splits.get("test"), skipped=tuple(skipped)
    )


def prepared(store: Store, rule: ImageRule, paths: list[PurePosixPath]) -> Iterable[np.ndarray | str]:
    """The prepared image of each file, in order, or why there is none. OpenCV decodes on all cores."""
    with ThreadPoolExecutor() as threads:
        yield from threads.map(partial(_prepare_one, store, rule), paths)


def _prepare_one(store: Store, rule: ImageRule, path: PurePosixPath) -> np.ndarray | str:
    name = printable(str(path))
    try:
        return prepare(decode(store.read(path), name), rule)
    except EdgeclsError as error:
        reason, _, _ = str(error).partition("; ")
        return printable(reason)


def _check_classes(layout: Layout, splits: dict[PartName, Split], skipped: list[str], name: str) -> None:
    if not any(map(len, splits.values())):
        example = f": {skipped[0]}" if skipped else ""
        raise BadData(f"{name}: none of its {len(skipped):,} files is a usable image{example}; {EXPECTED}")
    for part, split in splits.items():
        counts = np.bincount(split.truth, minlength=len(layout.labels))
        empty = [label for label, count in zip(layout.labels, counts, strict=True) if not count]
        if empty:
            raise BadData(
                f"{name}: no usable image of {', '.join(empty[:5])}"
                + (f" in {part}/" if len(splits) > 1 else "")
                + "; add some, or remove the folder"
            )


# Class folders on a disk.


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


# Pictures without classes, to calibrate a network made elsewhere and to compare it on.


def read_loose(folder: Path, rule: ImageRule) -> Split:
    """Reads every image of a folder and of those below it; all get the class 0, which means nothing.

    Raises:
        MissingInput: no such folder.
        BadData: there is no usable image in it.
        PermissionRefused: it cannot be listed.
    """
    if not folder.is_dir():
        raise MissingInput(f"{folder}: no such folder; name a folder of pictures")
    store = open_folder(folder)
    images = [image for image in prepared(store, rule, sorted(store.files)) if not isinstance(image, str)]
    if not images:
        raise BadData(
            f"{folder}: none of its {len(store.files):,} files is a usable image; add some pictures"
        )
    return Split(np.stack(images), np.zeros(len(images), np.int64))


# Class folders in a zip, read straight out of it: nothing is ever unpacked to the disk.

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
