"""The parts of a data set, and how one is cut from another."""

import hashlib
from dataclasses import dataclass

import numpy as np

from ..edge_runtime.errors import BadData


@dataclass(frozen=True)
class Split:
    """Images with their classes."""

    images: np.ndarray
    """uint8 (N, H, W, 3) RGB, prepared for the network."""
    truth: np.ndarray
    """int64 (N,), indices into the data set's labels."""

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, chosen: np.ndarray) -> "Split":
        """The images that a bool (N,) array chooses, in order."""
        return Split(self.images[chosen], self.truth[chosen])


@dataclass(frozen=True)
class Parts:
    """A data set as it was found; `complete` cuts what is missing from `train`."""

    labels: tuple[str, ...]
    train: Split
    val: Split | None = None
    test: Split | None = None
    skipped: tuple[str, ...] = ()
    """What could not be used, each with its reason."""
    mirrored_is_same: bool = True
    """Whether a mirrored image keeps its label: not so for digits and letters."""


def complete(parts: Parts, name: str, seed: int) -> tuple[Split, Split, Split]:
    """Train, val and test; a part that was not given is held back from train, the same share of each class.

    Neither given: 70 % train, 15 % val, 15 % test. Val missing: 5 % of train, which leaves a documented
    recipe nearly all it was documented with. Test missing: 15 % of train.

    Raises:
        BadData: a class has too few different images to be in each part; `name` is the data set's.
    """
    train, val, test = parts.train, parts.val, parts.test
    _check_enough(parts, name)
    if test is None:
        train, test = hold_back(train, 0.15, seed)
        if val is None:
            train, val = hold_back(train, 0.15 / 0.85, seed)
    elif val is None:
        train, val = hold_back(train, 0.05, seed)
    assert val is not None  # noqa: S101 - a test is there, so the branches above made it
    return train, val, test


def hold_back(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Splits into (kept, held back), with about `share` of each class held back, at least one image in both.

    Images are chosen by a hash of their pixels and the seed, not by a random generator: that gives the same
    split with every version of numpy, whatever the files are called, and equal images stay on one side.
    """
    keys = np.array([_key(image, seed) for image in split.images], np.uint64)
    held = np.zeros(len(split), bool)
    for class_index in np.unique(split.truth):
        members = np.flatnonzero(split.truth == class_index)
        different, counts = np.unique(keys[members], return_counts=True)
        wanted = max(1, round(share * len(members)))
        chosen = min(int(np.searchsorted(np.cumsum(counts), wanted)) + 1, len(different) - 1)
        held[members[np.isin(keys[members], different[:chosen])]] = True
    return split.where(~held), split.where(held)


def digest(labels: tuple[str, ...], splits: tuple[Split, ...]) -> str:
    """SHA-256 over labels, pixels, classes and how they are split."""
    sha256 = hashlib.sha256("\n".join(labels).encode())
    for split in splits:
        sha256.update(repr(split.images.shape).encode())
        sha256.update(np.ascontiguousarray(split.images).data)
        sha256.update(np.ascontiguousarray(split.truth, "<i8").data)
    return sha256.hexdigest()


def _check_enough(parts: Parts, name: str) -> None:
    needed = 1 + (parts.val is None) + (parts.test is None)
    for class_index, label in enumerate(parts.labels):
        different: set[bytes] = set()
        for image in parts.train.images[parts.train.truth == class_index]:
            different.add(image.tobytes())
            if len(different) == needed:
                break
        else:
            raise BadData(
                f"{name}: class {label} has {len(different)} different training images, and needs at least "
                f"{needed} to be in each of train, val and test; add some"
            )


def _key(image: np.ndarray, seed: int) -> int:
    salt = seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8, salt=salt).digest(), "little")
