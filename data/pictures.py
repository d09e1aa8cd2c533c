"""Reads the images of a data set and prepares them for the network; collects what was not usable."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from ..edge_runtime.errors import BadData, EdgeclsError, MissingInput
from ..edge_runtime.images.decode import decode_file, used_bits
from ..edge_runtime.images.prepare import prepare
from ..edge_runtime.images.rule import BITS_OF_DATA, ImageRule
from ..edge_runtime.text import printable
from .archives.open import check_known, is_archive, open_archive
from .folders.name_encodings import NameHints
from .layout import EXPECTED, Layout, PartName, find_layout
from .origins import Origin, with_times
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
    store, times_s = with_times(store)
    skipped = [f"{printable(str(path))}: not in a class folder" for path in layout.outside]
    total = sum(map(len, layout.parts.values()))
    pictures = {part: _Pictures(len(files), rule) for part, files in layout.parts.items()}
    deep: list[tuple[PartName, int, PurePosixPath]] = []
    done = most_bits = 0
    for part, files in layout.parts.items():
        for index, outcome in enumerate(_prepared(store, rule, [path for path, _ in files])):
            if isinstance(outcome, int):  # to be read again, when it is known what white is
                deep.append((part, index, files[index][0]))
                most_bits = max(most_bits, outcome)
            else:
                pictures[part].put(index, outcome, skipped)
            done += 1
            on_image(done, total)
    bits = next(depth for depth in _DEPTHS if depth >= most_bits) if deep else rule.bits or _DEPTHS[-1]
    for part, index, path in deep:
        pictures[part].put(index, _prepare_one(store, replace(rule, bits=bits), path), skipped)
    splits: dict[PartName, Split] = {
        part: pictures[part].split([number for _, number in files]) for part, files in layout.parts.items()
    }
    origins = {
        part: tuple(
            Origin(path, layout.groups.get(path), times_s.get(path))
            for (path, _), is_usable in zip(files, pictures[part].usable, strict=True)
            if is_usable
        )
        for part, files in layout.parts.items()
    }
    _check_classes(layout, splits, skipped, store.name)
    return Parts(
        layout.labels,
        splits["train"],
        splits.get("val"),
        splits.get("test"),
        skipped=tuple(skipped),
        notes=(*layout.notes, *_depth_notes(len(deep), bits)),
        bits=bits,
        origins=origins,
    )


_DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras use of pictures with 16 bits a channel."""


def _depth_notes(pictures: int, bits: int) -> list[str]:
    if not pictures or bits == _DEPTHS[-1]:
        return []
    return [f"{pictures:,} 16-bit pictures use {bits} bits: {2**bits - 1:,} is white, here and on the device"]


class _Pictures:
    """The prepared pictures of one part, as far as they are usable."""

    def __init__(self, count: int, rule: ImageRule) -> None:
        self._images = np.empty((count, rule.height_px, rule.width_px, 3), np.uint8)
        self.usable = np.zeros(count, bool)

    def put(self, index: int, outcome: np.ndarray | str | int, skipped: list[str]) -> None:
        """Takes a picture, or adds the reason why there is none to `skipped`."""
        if isinstance(outcome, str):
            skipped.append(outcome)
        else:
            self._images[index], self.usable[index] = outcome, True

    def split(self, classes: list[int]) -> Split:
        """Returns the usable pictures with the classes of all."""
        split = Split(self._images, np.array(classes, np.int64))
        return split if self.usable.all() else split.where(self.usable)


def read_unlabelled(path: Path, rule: ImageRule) -> Split:
    """Reads every image in a folder and below it, or in an archive; the class of each is 0 and means nothing.

    For models made elsewhere, which are calibrated and compared on pictures without labels.

    Raises:
        MissingInput: the path does not exist.
        BadData: there is no usable image in it.
        PermissionRefused: it cannot be listed.
    """
    if not path.exists():
        raise MissingInput(f"{path}: no such folder; name a folder of pictures")
    if path.is_dir():
        return _unlabelled(open_folder(path), rule)
    if not is_archive(path):
        check_known(path)
        raise BadData(f"{path}: not a folder, a zip or a tar; name a folder of pictures")
    with open_archive(path, _ANY_NAMES) as store:
        return _unlabelled(store, rule)


_ANY_NAMES = NameHints("cp437")
"""Takes any bytes: where there are no classes, names do not matter."""


def _unlabelled(store: Store, rule: ImageRule) -> Split:
    store = without_litter(store)
    images: list[np.ndarray] = []
    reasons: list[str] = []
    for outcome in _prepared(store, rule, sorted(store.files)):
        if isinstance(outcome, np.ndarray):
            images.append(outcome)
        else:
            reasons.append(str(outcome))
    if not images:
        example = f": {reasons[0]}" if reasons else ""
        raise BadData(
            f"{store.name}: none of its {len(store.files):,} files is a usable image{example}; "
            "add some pictures"
        )
    return Split(np.stack(images), np.zeros(len(images), np.int64))


def _prepared(store: Store, rule: ImageRule, paths: list[PurePosixPath]) -> Iterable[np.ndarray | str | int]:
    """Yields for each file, in order, what `_prepare_one` returns. Decodes on all cores."""
    with ThreadPoolExecutor() as threads:
        yield from threads.map(partial(_prepare_one, store, rule), paths)


def _prepare_one(store: Store, rule: ImageRule, path: PurePosixPath) -> np.ndarray | str | int:
    """Returns the prepared image, or why there is none.

    While `rule.bits` is `BITS_OF_DATA`: for a picture of 16 bits a channel, how many of them it uses.
    """
    name = printable(str(path))
    try:
        content = store.read(path)
        if rule.bits == BITS_OF_DATA and (bits := used_bits(content)):
            return bits
        return prepare(decode_file(content, name, rule), rule)
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
