"""Data sets: loaded by name or path, split into train, val and test, every image prepared for the network."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..edge_runtime.errors import BadData, MissingInput, Unavailable
from ..edge_runtime.images.prepare import prepare
from ..edge_runtime.images.rule import ImageRule
from ..edge_runtime.models.card import check_labels
from ..edge_runtime.text import expanded, readable
from .archives.open import check_known, is_archive, open_archive
from .cifar10 import download_cifar10, find_cifar10, read_cifar10
from .folders.name_encodings import NameHints, check_encoding
from .held_back import complete
from .layout import EXPECTED, find_background
from .origins import Origin
from .pictures import OnImage, read_pictures, read_unlabelled
from .split import Parts, Split, digest
from .store import open_folder

__all__ = [
    "Dataset",
    "Split",
    "find",
    "images_of_class",
    "is_path",
    "load_dataset",
    "load_unlabelled",
    "with_labels",
]

_DIGITS_BRIGHTEST = 16
WARNING = "warning: "
"""How a note begins that questions the figures."""


@dataclass(frozen=True)
class Dataset:
    """A data set in three parts that share no image."""

    name: str
    """`cifar10`, `digits`, or the name of the folder or zip."""
    labels: tuple[str, ...]
    train: Split
    val: Split
    """For choices: when to stop, thresholds, how to quantise. Never fitted on."""
    test: Split
    """For reporting only."""
    sha256: str
    """Over labels, pixels, classes and the split."""
    skipped: tuple[str, ...] = ()
    """Files that were not usable, each with its reason."""
    mirrored_is_same: bool = True
    """Whether a mirrored image keeps its label: false for digits and letters."""
    notes: tuple[str, ...] = ()
    """What the user should know about the split, a line each."""
    bits: int = 16
    """See `ImageRule.bits`."""
    origins: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict[str, tuple[Origin, ...]])
    """Of the images of `train`, `val` and `test`, where they come from files."""
    given: frozenset[str] = frozenset()
    """Those of `val` and `test` that were found, not held back from train."""
    known: int = 0
    """Images that were in the cache of prepared ones."""
    split_record: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Which recordings went where, for a report."""
    source: str = ""
    """What `load_dataset` was asked for."""

    @cached_property
    def files(self) -> Mapping[str, tuple[str, ...]]:
        """The images' paths in the data set, by part, where they come from files."""
        return {part: tuple(str(one.path) for one in origins) for part, origins in self.origins.items()}

    @property
    def warnings(self) -> tuple[str, ...]:
        """The notes that question the figures."""
        return divided_notes(self.notes)[1]


def divided_notes(notes: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns plain notes, and those that are warnings without the word."""
    return (
        tuple(note for note in notes if not note.startswith(WARNING)),
        tuple(note.removeprefix(WARNING) for note in notes if note.startswith(WARNING)),
    )


def load_dataset(
    source: str,
    rule: ImageRule,
    seed: int,
    on_image: OnImage = lambda _done, _total: None,
    *,
    zip_encoding: str | None = None,
    labels: tuple[str, ...] = (),
    by_recording: bool = True,
) -> Dataset:
    """Loads a data set.

    Args:
        source: `cifar10`, `digits`, or the path of class folders, of a zip or tar of class folders, of
            `cifar-10-python.tar.gz` or of `cifar-10-batches-py`.
        rule: how each image becomes the network's input.
        seed: chooses the images to hold back where the source has no val or test part.
        on_image: called with (images done, images in all) while files are read.
        zip_encoding: of names in a zip that are not marked as UTF-8, or of folders that are not UTF-8, such
            as `cp866`; None: guessed if only one fits.
        labels: of the model that the data set is for, if there is one: they tell how names are to be read.
        by_recording: whether recordings stay on one side of the split, as they did not in the first version.

    Raises:
        MissingInput: the path does not exist.
        BadData: no usable images, only one class, or refused as dangerous.
        Unavailable: the download failed, or a package is missing.
    """
    name, parts = _load(source, rule, on_image, NameHints(zip_encoding, frozenset(labels)))
    _check_labels(parts.labels, name)
    whole = complete(parts, name, seed, by_recording=by_recording)
    splits = (whole.train, whole.val, whole.test)
    return Dataset(
        name,
        parts.labels,
        *splits,
        digest(parts.labels, splits),
        parts.skipped,
        parts.mirrored_is_same,
        (*parts.notes, *whole.notes),
        parts.bits,
        whole.origins,
        frozenset(part for part in ("val", "test") if getattr(parts, part) is not None),
        parts.known,
        whole.record,
        source,
    )


def _check_labels(labels: tuple[str, ...], name: str) -> None:
    """Refuses now, and not after an hour of training, what cannot be the labels of a model.

    Raises:
        BadData: no card may have one of them, or two of them are the background.
    """
    try:
        check_labels(labels)
    except ValueError as error:
        raise BadData(f"{name}: {error}; rename that class") from error
    find_background(labels, name)


def load_unlabelled(folder: Path, rule: ImageRule) -> Dataset:
    """Loads pictures without classes as a data set with the same pictures in each part.

    Raises:
        MissingInput, BadData, PermissionRefused: see `read_unlabelled`.
    """
    split = read_unlabelled(folder, rule)
    return Dataset(folder.resolve().name, (), split, split, split, digest((), (split,)))


def with_labels(dataset: Dataset, labels: tuple[str, ...]) -> Dataset:
    """Returns the data set with its classes numbered as in `labels`: the same labels in another order."""
    numbers = np.array([labels.index(label) for label in dataset.labels])
    train, val, test = (
        Split(split.images, numbers[split.truth]) for split in (dataset.train, dataset.val, dataset.test)
    )
    return replace(dataset, labels=labels, train=train, val=val, test=test)


def images_of_class(dataset: Dataset) -> dict[str, list[int]]:
    """Returns by label how many images are in train, val and test."""
    splits = (dataset.train, dataset.val, dataset.test)
    counts = np.stack([np.bincount(split.truth, minlength=len(dataset.labels)) for split in splits])
    return {label: counts[:, index].tolist() for index, label in enumerate(dataset.labels)}


def is_path(source: str) -> bool:
    """Returns whether `--data` names a path, not one of the data sets known by name."""
    return source not in ("cifar10", "digits")


def find(source: str) -> Path:
    """Returns the path that `--data` names, with `~` expanded.

    Raises:
        MissingInput: it does not exist.
    """
    path = expanded(source)
    if not path.exists():
        raise MissingInput(f"{source}: no such file or folder; --data takes cifar10, digits or a path")
    return path


def load_digits(rule: ImageRule) -> Parts:
    """Loads scikit-learn's handwritten digits: 1,797 real images, 8x8 grey, which need no download.

    Raises:
        Unavailable: scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits as load_from_package  # noqa: PLC0415 - slow, optional
    except ImportError as error:
        raise Unavailable(
            f'digits needs scikit-learn ({error}); run `pip install "edgecls[train]"`'
        ) from error
    grey, truth = map(np.asarray, load_from_package(return_X_y=True))
    pixels = np.round(grey.reshape(-1, 8, 8, 1) * (255 / _DIGITS_BRIGHTEST)).astype(np.uint8)
    images = np.stack([prepare(picture, rule) for picture in np.repeat(pixels, 3, axis=3)])
    split = Split(images, truth.astype(np.int64))
    return Parts(tuple("0123456789"), split, mirrored_is_same=False, alike_is_copy=False)


def _load(source: str, rule: ImageRule, on_image: OnImage, hints: NameHints) -> tuple[str, Parts]:
    """Returns the data set's name, and its parts as they were found."""
    if source == "cifar10":
        return source, download_cifar10(rule)
    if source == "digits":
        return source, load_digits(rule)
    path = find(source)
    if hints.encoding is not None:
        check_encoding(hints.encoding)
    if cifar10 := find_cifar10(path):
        return "cifar10", read_cifar10(cifar10, rule)
    if path.is_dir():
        return readable(path.resolve().name), read_pictures(open_folder(path, hints), rule, on_image)
    if is_archive(path):
        with open_archive(path, hints) as store:
            return readable(path.name.partition(".")[0]), read_pictures(store, rule, on_image)
    check_known(path)
    raise BadData(f"{path}: not a folder, a zip or a tar; {EXPECTED}")
