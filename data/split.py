"""The images of a data set and their classes, in parts; a sample of them, and their digest."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .origins import Origin
from .prepared.images import pieces, take


@dataclass(frozen=True)
class Split:
    """Images and their classes."""

    images: np.ndarray
    """uint8 (N, H, W, 3) RGB, prepared for the network. Many are `MappedImages`, indexed like an array along
    the first axis; `pieces` gives all of them without a copy of the whole."""
    truth: np.ndarray
    """int64 (N,), indices into the data set's labels."""

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, chosen: np.ndarray) -> "Split":
        """Returns the images that a bool (N,) array chooses, in order."""
        return Split(take(self.images, chosen), self.truth[chosen])


@dataclass(frozen=True)
class Parts:
    """A data set as it was found; `complete` takes missing parts from `train`."""

    labels: tuple[str, ...]
    train: Split
    val: Split | None = None
    test: Split | None = None
    skipped: tuple[str, ...] = ()
    """Files that were not usable, each with its reason."""
    mirrored_is_same: bool = True
    """Whether a mirrored image keeps its label: false for digits and letters."""
    alike_is_copy: bool = True
    """Whether nearly equal images are copies or of one burst: false for digits, which all look alike."""
    notes: tuple[str, ...] = ()
    """What the user should know about how the files were read, a line each."""
    bits: int = 16
    """See `ImageRule.bits`."""
    known: int = 0
    """Images that were in the cache of prepared ones."""
    origins: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict[str, tuple[Origin, ...]])
    """Of the images of `train`, `val` and `test`, where they come from files."""


@dataclass(frozen=True)
class Whole:
    """A data set in its three parts."""

    train: Split
    val: Split
    test: Split
    notes: tuple[str, ...] = ()
    """What the user should know about the split, a line each."""
    origins: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict[str, tuple[Origin, ...]])
    """Of the images of `train`, `val` and `test`, where they come from files."""
    record: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Which recordings went where, for a report."""


def stratified(truth: np.ndarray, count: int, seed: int, *, is_balanced: bool = False) -> np.ndarray:
    """Returns the sorted positions of `count` images, seeded, so that every class has its part of them.

    Args:
        truth: int64 (N,), the images' classes.
        count: how many; all where there are fewer.
        seed: the same seed takes the same images.
        is_balanced: as many of each class, as far as it has them, instead of its share; each to within one.
    """
    shuffled = np.random.default_rng(seed).permutation(len(truth))
    place = np.empty(len(truth))  # of an image within its own class
    for label in np.unique(truth):
        of_label = shuffled[truth[shuffled] == label]
        turn = np.arange(len(of_label))
        place[of_label] = turn if is_balanced else (turn + 0.5) / len(of_label)
    return np.sort(shuffled[np.argsort(place[shuffled], kind="stable")][:count])


def digest(labels: tuple[str, ...], splits: tuple[Split, ...]) -> str:
    """Returns the SHA-256 over labels, pixels, classes and the split."""
    sha256 = hashlib.sha256("\n".join(labels).encode())
    for split in splits:
        sha256.update(repr(split.images.shape).encode())
        for piece in pieces(split.images):
            sha256.update(np.ascontiguousarray(piece).data)
        sha256.update(np.ascontiguousarray(split.truth, "<i8").data)
    return sha256.hexdigest()
