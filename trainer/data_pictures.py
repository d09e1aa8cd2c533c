"""Reads and prepares the images of a store, and says which it could not use."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import PurePosixPath

import numpy as np

from ..edge_runtime.errors import BadData, EdgeclsError
from ..edge_runtime.image import ImageRule, decode, prepare
from .data_layout import EXPECTED, Layout, PartName, Store, find_layout, printable
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
