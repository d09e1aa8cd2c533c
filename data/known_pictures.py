"""Known pictures: some hundreds of a data set's, spread over its classes, for a model made elsewhere.

Each is read and decoded once, and prepared in several ways: what a network that says nothing of its pixels
was trained on shows in how many of them it gets right.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from ..edge_runtime.errors import BadData, EdgeclsError
from ..edge_runtime.images.prepare import decode_reduced, prepare_box
from ..edge_runtime.images.rule import Box, ImageRule, crop_box
from ..edge_runtime.images.several import check_single
from ..edge_runtime.text import counted, printable, readable
from .archives.open import check_known, is_archive, open_archive
from .folders.name_encodings import NameHints
from .layout import EXPECTED, Layout, PartName, find_layout
from .load import find
from .pictures import in_order
from .store import Store, open_folder

_PARTS: tuple[PartName, ...] = ("test", "val", "train")
"""The first of them that a data set has: the network may have been trained on the others."""
_NAMED = 5
_SEED = 0


@dataclass(frozen=True)
class KnownPictures:
    """Pictures whose classes are known, each prepared by several rules."""

    name: str
    """The data set's."""
    part: PartName
    images: Mapping[ImageRule, np.ndarray]
    """uint8 (N, *rule.shape), by rule; a picture of each class in turn."""
    truth: np.ndarray
    """int64 (N,): the number of the label."""
    notes: tuple[str, ...]
    """What the user should know: labels without pictures, folders without a label, files left out."""

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, chosen: np.ndarray) -> "KnownPictures":
        """Those that are chosen, bool (N,)."""
        images = {rule: images[chosen] for rule, images in self.images.items()}
        return replace(self, images=images, truth=self.truth[chosen])

    @property
    def classes(self) -> int:
        """How many labels have pictures."""
        return len(np.unique(self.truth))


def check_pictures(source: str, labels: tuple[str, ...] | None) -> None:
    """Refuses what `read_known` would find unusable, before a network is tried; no picture is read.

    Args:
        source: see `read_known`.
        labels: of the model; None where they are not known yet.

    Raises:
        MissingInput, BadData, PermissionRefused: see `read_known`.
    """
    with _opened(source, NameHints(None, frozenset(labels or ()))) as (name, store):
        layout = find_layout(store)
        if labels:
            _matched(layout, labels, name)


def read_known(source: str, labels: tuple[str, ...], rules: Sequence[ImageRule], most: int) -> KnownPictures:
    """Reads at most so many pictures of the classes that a model has labels for.

    Args:
        source: a folder or an archive with a folder for each class; see `find_layout`.
        labels: of the model, matched with the names of the folders: exactly, or but for case, `_` and `-`.
        rules: each picture is prepared by each of them; of one size, with equal channels.
        most: pictures in all, as many of each class as there are.

    Raises:
        MissingInput, BadData, PermissionRefused: there is nothing to read; or fewer than two of the classes
            are labels of the model.
    """
    with _opened(source, NameHints(None, frozenset(labels))) as (name, store):
        layout = find_layout(store)
        part: PartName = next(part for part in _PARTS if part in layout.parts)
        label_of, notes = _matched(layout, labels, name)
        chosen = _spread(layout.parts[part], label_of, most)
        outcomes = list(in_order(lambda path: _prepared(store, path, rules), [path for path, _ in chosen]))
    usable = [not isinstance(outcome, str) for outcome in outcomes]
    read = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, str)]
    truth = np.array([number for _, number in chosen], np.int64)[usable]
    if len(np.unique(truth)) < 2:
        why = f": {lost[0]}" if lost else ""
        raise BadData(f"{name}: fewer than two classes have a usable picture{why}; {EXPECTED}")
    if lost:
        notes.append(f"left out {counted(len(lost), 'file')}, such as {lost[0]}")
    images = {rule: np.stack([each[number] for each in read]) for number, rule in enumerate(rules)}
    return KnownPictures(name, part, images, truth, (*layout.notes, *notes))


@contextmanager
def _opened(source: str, hints: NameHints) -> Iterator[tuple[str, Store]]:
    path = find(source)
    if path.is_dir():
        yield readable(path.resolve().name), open_folder(path, hints)
        return
    if not is_archive(path):
        check_known(path)
        raise BadData(f"{path}: not a folder, a zip or a tar; {EXPECTED}")
    with open_archive(path, hints) as store:
        yield readable(Path(path).name.partition(".")[0]), store


def _matched(layout: Layout, labels: tuple[str, ...], name: str) -> tuple[dict[int, int], list[str]]:
    """Returns the number of the label for the class of each folder that has one, and notes on the others."""
    exactly = {label: number for number, label in enumerate(labels)}
    plainly: dict[str, int] = {}
    for number, label in enumerate(labels):
        plainly.setdefault(_plain(label), number)
    found: dict[int, int] = {}
    for index, folder in enumerate(layout.labels):
        number = exactly.get(folder, plainly.get(_plain(folder)))
        if number is not None and number not in found.values():
            found[index] = number
    others = [folder for index, folder in enumerate(layout.labels) if index not in found]
    if len(found) < 2:
        raise BadData(
            f"{name}: its folders ({_some(layout.labels)}) are not named after the labels ({_some(labels)}); "
            "name each folder of pictures as its label, or name the labels of this network"
        )
    notes = [f"folders that are no label, left out: {_some(others)}"] if others else []
    without = [label for number, label in enumerate(labels) if number not in found.values()]
    if without:
        notes.append(f"labels without pictures, not tried: {_some(without)}")
    return found, notes


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _spread(
    files: Sequence[tuple[PurePosixPath, int]], label_of: Mapping[int, int], most: int
) -> list[tuple[PurePosixPath, int]]:
    """Chooses at most so many files, (path, label): of each class in turn, evenly over its files."""
    of_label: dict[int, list[PurePosixPath]] = {}
    for path, index in files:
        if index in label_of:
            of_label.setdefault(label_of[index], []).append(path)
    random = np.random.default_rng(_SEED)
    each = max(1, -(-most // max(1, len(of_label))))
    turns: list[tuple[int, int, PurePosixPath, int]] = []
    for place, number in zip(random.permutation(len(of_label)), sorted(of_label), strict=True):
        paths = sorted(of_label[number])
        spaced = np.unique(np.linspace(0, len(paths) - 1, each).round().astype(int))
        order = random.permutation(spaced) if len(paths) > each else random.permutation(len(paths))
        turns += [(turn, int(place), paths[at], number) for turn, at in enumerate(order)]
    return [(path, number) for _, _, path, number in sorted(turns)[:most]]


def _prepared(store: Store, path: PurePosixPath, rules: Sequence[ImageRule]) -> tuple[np.ndarray, ...] | str:
    """Returns a picture as each rule prepares it, decoded once; or why there is none."""
    name = printable(str(path))
    finest = max(rules, key=lambda rule: rule.resize_to_px)  # it sees the least, and needs the most pixels
    sizes: list[tuple[int, int]] = []

    def box_of(height_px: int, width_px: int) -> Box:
        sizes.append((height_px, width_px))
        return crop_box(height_px, width_px, finest)

    try:
        content = store.read(path)
        check_single(content, name)
        part = decode_reduced(content, finest, box_of, name)
    except EdgeclsError as error:
        reason = printable(str(error).removeprefix(f"{name}: ").partition("; ")[0])
        return f"{name}: {reason}"
    return tuple(prepare_box(part.pixels, crop_box(*sizes[-1], rule), rule, part.scale) for rule in rules)
