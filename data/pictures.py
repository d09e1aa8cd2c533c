"""Reads the images of a data set and prepares them for the network; collects what was not usable."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from ..edge_runtime.errors import BadData, EdgeclsError, MissingInput
from ..edge_runtime.images.decode import decode_file
from ..edge_runtime.images.prepare import prepare
from ..edge_runtime.images.rule import ImageRule
from ..edge_runtime.text import printable
from .layout import EXPECTED, Layout, PartName, find_layout
from .split import Parts, Split
from .store import Store, open_folder, without_litter

OnImage = Callable[[int, int], None]
"""Called with (images done, images in all)."""


def read_pictures(store: Store, rule: ImageRule, on_image: OnImage) -> Parts:
    """Reads every image in a store's class folders.

    Raises:
        BadData: there are no class folders, or a class has no usable image.
    """
    layout = find_layout(store)
    skipped = [f"{printable(str(path))}: not in a class folder" for path in layout.outside]
    total = sum(map(len, layout.parts.values()))
    splits: dict[PartName, Split] = {}
    done = 0
    for part, files in layout.parts.items():
        images = np.empty((len(files), rule.height_px, rule.width_px, 3), np.uint8)
        usable = np.zeros(len(files), bool)
        for index, outcome in enumerate(_prepared(store, rule, [path for path, _ in files])):
            if isinstance(outcome, str):
                skipped.append(outcome)
            else:
                images[index], usable[index] = outcome, True
            done += 1
            on_image(done, total)
        truth = np.array([class_index for _, class_index in files], np.int64)
        splits[part] = Split(images, truth) if usable.all() else Split(images, truth).where(usable)
    _check_classes(layout, splits, skipped, store.name)
    return Parts(
        layout.labels,
        splits["train"],
        splits.get("val"),
        splits.get("test"),
        skipped=tuple(skipped),
        notes=layout.notes,
    )


def read_unlabelled(folder: Path, rule: ImageRule) -> Split:
    """Reads every image in a folder and below it; the class of each is 0 and means nothing.

    For models made elsewhere, which are calibrated and compared on pictures without labels.

    Raises:
        MissingInput: the folder does not exist.
        BadData: there is no usable image in it.
        PermissionRefused: it cannot be listed.
    """
    if not folder.is_dir():
        raise MissingInput(f"{folder}: no such folder; name a folder of pictures")
    store = without_litter(open_folder(folder))
    images = [image for image in _prepared(store, rule, sorted(store.files)) if not isinstance(image, str)]
    if not images:
        raise BadData(
            f"{folder}: none of its {len(store.files):,} files is a usable image; add some pictures"
        )
    return Split(np.stack(images), np.zeros(len(images), np.int64))


def _prepared(store: Store, rule: ImageRule, paths: list[PurePosixPath]) -> Iterable[np.ndarray | str]:
    """Yields for each file, in order, the prepared image, or why there is none. Decodes on all cores."""
    with ThreadPoolExecutor() as threads:
        yield from threads.map(partial(_prepare_one, store, rule), paths)


def _prepare_one(store: Store, rule: ImageRule, path: PurePosixPath) -> np.ndarray | str:
    name = printable(str(path))
    try:
        return prepare(decode_file(store.read(path), name, rule), rule)
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
