"""Loads a data set by name or path, split into train, val and test, every image prepared for the network."""

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..edge_runtime.errors import BadData, MissingInput
from ..edge_runtime.images.rule import ImageRule
from .known import FOLDER_NAME, TRAIN_BATCHES, download_cifar10, read_cifar10
from .layout import EXPECTED, find_background
from .pictures import Watch, open_folder, open_zip, read_loose, read_pictures
from .split import Parts, Split, complete, digest

__all__ = ["Dataset", "Split", "is_path", "load_dataset", "load_loose", "with_labels"]


@dataclass(frozen=True)
class Dataset:
    """Images and their classes, in three parts that share no image."""

    name: str
    """`cifar10`, `digits`, or the name of the folder or zip."""
    labels: tuple[str, ...]
    train: Split
    val: Split
    """For choices: when to stop, thresholds, how to quantise. Never fitted on."""
    test: Split
    """For reporting alone."""
    sha256: str
    """Over labels, pixels, classes and the split."""
    skipped: tuple[str, ...] = ()
    """Files that could not be used, each with its reason."""
    mirrored_is_same: bool = True
    """Whether a mirrored image keeps its label: not so for digits and letters."""
    notes: tuple[str, ...] = ()
    """What its user should know of how it was cut, a line each."""


def _look_away(_done: int, _total: int) -> None: ...


def load_dataset(source: str, rule: ImageRule, seed: int, watch: Watch = _look_away) -> Dataset:
    """Loads a data set.

    Args:
        source: `cifar10`, `digits`, or the path of class folders, of a zip of class folders, of
            `cifar-10-python.tar.gz` or of `cifar-10-batches-py`.
        rule: how each image becomes the network's input.
        seed: chooses which images are held back where the source has no val or test part.
        watch: is told (images done, images in all) while files are read.

    Raises:
        MissingInput: no such path.
        BadData: no usable images, only one class, or refused as dangerous.
        Unavailable: it cannot be downloaded, or a package is missing.
    """
    name, parts = _load(source, rule, watch)
    find_background(parts.labels, name)  # two of them are refused before an hour of training
    whole = complete(parts, name, seed)
    splits = (whole.train, whole.val, whole.test)
    return Dataset(
        name,
        parts.labels,
        *splits,
        digest(parts.labels, splits),
        parts.skipped,
        parts.mirrored_is_same,
        whole.notes,
    )


def load_loose(folder: Path, rule: ImageRule) -> Dataset:
    """Pictures without classes as a data set: the same ones in each part; errors as `read_loose`."""
    split = read_loose(folder, rule)
    return Dataset(folder.resolve().name, (), split, split, split, digest((), (split,)))


def with_labels(dataset: Dataset, labels: tuple[str, ...]) -> Dataset:
    """The data set with its classes numbered as in `labels`, which are the same in another order."""
    numbers = np.array([labels.index(label) for label in dataset.labels])
    train, val, test = (
        Split(split.images, numbers[split.truth]) for split in (dataset.train, dataset.val, dataset.test)
    )
    return replace(dataset, labels=labels, train=train, val=val, test=test)


def is_path(source: str) -> bool:
    """Whether `--data` names a path, and not one of the data sets known by name."""
    return source not in ("cifar10", "digits")


def find(source: str) -> Path:
    """Where a data set that is named by its path lies.

    Raises:
        MissingInput: nowhere.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise MissingInput(f"{path}: no such file or folder; --data takes cifar10, digits or a path")
    return path


def _load(source: str, rule: ImageRule, watch: Watch) -> tuple[str, Parts]:
    """The data set's name, and its parts as they were found."""
    if source == "cifar10":
        return source, download_cifar10(rule)
    if source == "digits":
        from .known import load_digits  # noqa: PLC0415

        return source, load_digits(rule)
    path = find(source)
    if cifar10 := _find_cifar10(path):
        return "cifar10", read_cifar10(cifar10, rule)
    if path.is_dir():
        return path.resolve().name, read_pictures(open_folder(path), rule, watch)
    if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        with open_zip(path) as store:
            return path.stem, read_pictures(store, rule, watch)
    raise BadData(f"{path}: not a folder, a zip or cifar-10-python.tar.gz; {EXPECTED}")


def _find_cifar10(path: Path) -> Path | None:
    """The official archive or its unpacked folder, which may be inside the one named."""
    if path.name.endswith((".tar.gz", ".tgz")):
        return path
    folders = (path, path / FOLDER_NAME)
    return next(
        (folder for folder in folders if any((folder / name).exists() for name in TRAIN_BATCHES)), None
    )
