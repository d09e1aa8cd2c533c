"""Reads the images of a data set and prepares them for the network; collects what was not usable."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar

import numpy as np

from ..edge_runtime.errors import BadData, EdgeclsError, MissingInput
from ..edge_runtime.images.decode import may_be_deep, used_bits
from ..edge_runtime.images.prepare import prepare_file
from ..edge_runtime.images.rule import BITS_OF_DATA, ImageRule
from ..edge_runtime.text import printable
from .archives.open import check_known, is_archive, open_archive
from .folders.name_encodings import NameHints
from .layout import EXPECTED, Layout, PartName, find_layout
from .origins import Origin, with_times
from .prepared.cache import Deep, Outcome, Place, PreparedPictures
from .prepared.pack import Key, content_key
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
    with PreparedPictures(rule, sum(map(len, layout.parts.values()))) as prepared:
        outcomes, depth = _read_parts(_Reader(store, rule, prepared), layout, on_image)
        usable = {part: [isinstance(one, Place) for one in found] for part, found in outcomes.items()}
        splits: dict[PartName, Split] = {
            part: Split(
                prepared.images([one for one in outcomes[part] if isinstance(one, Place)]),
                np.array([number for _, number in files], np.int64)[usable[part]],
            )
            for part, files in layout.parts.items()
        }
        notes = prepared.notes
    skipped = [f"{printable(str(path))}: not in a class folder" for path in layout.outside]
    skipped += [reason for found in outcomes.values() for reason in found if isinstance(reason, str)]
    origins = {
        part: tuple(
            Origin(path, layout.groups.get(path), times_s.get(path))
            for (path, _), is_usable in zip(files, usable[part], strict=True)
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
        notes=(*layout.notes, *depth.notes, *notes),
        bits=depth.bits,
        known=prepared.known,
        origins=origins,
    )


_DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras use of pictures with 16 bits a channel."""


class _Depth(NamedTuple):
    """What white is in pictures of 16 bits a channel."""

    bits: int
    pictures: int
    """How many there are, where the data set tells the bits."""

    @property
    def notes(self) -> list[str]:
        if not self.pictures or self.bits == _DEPTHS[-1]:
            return []
        white = f"{2**self.bits - 1:,} is white, here and on the device"
        return [f"{self.pictures:,} 16-bit pictures use {self.bits} bits: {white}"]


def _read_parts(
    reader: "_Reader", layout: Layout, on_image: OnImage
) -> tuple[dict[PartName, list[Outcome]], _Depth]:
    """Reads all files, and deep pictures again when it is known what white is."""
    outcomes: dict[PartName, list[Outcome]] = {}
    total, done = sum(map(len, layout.parts.values())), 0
    for part, files in layout.parts.items():
        found = outcomes[part] = []
        for outcome in reader.read([path for path, _ in files]):
            found.append(outcome)
            done += 1
            on_image(done, total)
    deep: list[tuple[PartName, int, int]] = [
        (part, index, outcome.bits)
        for part, found in outcomes.items()
        for index, outcome in enumerate(found)
        if isinstance(outcome, Deep)
    ]
    if not deep:
        return outcomes, _Depth(reader.rule.bits or _DEPTHS[-1], 0)
    most_bits = max(bits for _, _, bits in deep)
    reader.rule = replace(reader.rule, bits=next(depth for depth in _DEPTHS if depth >= most_bits))
    again = reader.read([layout.parts[part][index][0] for part, index, _ in deep])
    for (part, index, _), outcome in zip(deep, again, strict=True):
        outcomes[part][index] = outcome
    return outcomes, _Depth(reader.rule.bits, len(deep))


class _Fresh(NamedTuple):
    """What a thread made of a file that is not in the cache."""

    key: Key | None
    outcome: np.ndarray | Deep | str


class _Unread(NamedTuple):
    """Why a file could not be read, which says nothing of its content."""

    reason: str


class _Reader:
    """Reads the files of a store on all cores: from the cache where they are in it, else by decoding them."""

    def __init__(self, store: Store, rule: ImageRule, prepared: PreparedPictures) -> None:
        self._store, self._prepared = store, prepared
        self.rule = rule

    def read(self, paths: Sequence[PurePosixPath]) -> Iterator[Outcome]:
        """Yields what became of each file, in order; a text is the reason why there is no picture."""
        for path, made in zip(paths, in_order(self._read_one, paths), strict=True):
            if isinstance(made, _Unread):
                yield made.reason
                continue
            outcome = self._outcome(made)
            yield f"{printable(str(path))}: {outcome}" if isinstance(outcome, str) else outcome

    def _outcome(self, made: Outcome | _Fresh) -> Outcome:
        if isinstance(made, _Fresh):
            return self._prepared.add(made.key, self.rule.bits, made.outcome)
        return self._prepared.count(made)

    def _read_one(self, path: PurePosixPath) -> Outcome | _Fresh | _Unread:
        """Reads one file, in any thread; of reasons, without the file's name."""
        name, rule = printable(str(path)), self.rule
        try:
            content = self._store.read(path)
        except EdgeclsError as error:
            return _Unread(printable(str(error).partition("; ")[0]))
        key = content_key(content) if self._prepared.is_kept else None
        if key is not None and (known := self._prepared.find(key, rule.bits)) is not None:
            return known
        try:
            if rule.bits == BITS_OF_DATA and (bits := used_bits(content)):
                return _Fresh(key, Deep(bits))
            outcome = prepare_file(content, rule, name)
        except EdgeclsError as error:
            outcome = printable(str(error).removeprefix(f"{name}: ").partition("; ")[0])
        if key is not None and rule.bits != BITS_OF_DATA and may_be_deep(content):
            key = key._replace(depth=rule.bits)
        return _Fresh(key, outcome)


_AHEAD = 16
"""Files for each core that are read before they are asked for: enough to keep it busy, few enough to hold."""
_Made = TypeVar("_Made")


def in_order(make: Callable[[PurePosixPath], _Made], paths: Iterable[PurePosixPath]) -> Iterator[_Made]:
    """Yields what `make` returns for each path, in order; calls it on all cores."""
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as threads:
        waiting = deque[Future[_Made]]()
        try:
            for path in paths:
                waiting.append(threads.submit(make, path))
                if len(waiting) >= _AHEAD * cores:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # after Ctrl-C
            for future in waiting:
                future.cancel()


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
    with PreparedPictures(rule, len(store.files)) as prepared:
        outcomes = list(_Reader(store, rule, prepared).read(sorted(store.files)))
        places = [outcome for outcome in outcomes if isinstance(outcome, Place)]
        images = prepared.images(places)
    if not places:
        example = f": {outcomes[0]}" if outcomes else ""
        raise BadData(
            f"{store.name}: none of its {len(store.files):,} files is a usable image{example}; "
            "add some pictures"
        )
    return Split(images, np.zeros(len(places), np.int64))


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
