"""Which images must stay on one side of a split: bursts and other near-duplicates.

A network that has seen a picture in training recognises its neighbour in the burst, so that a test which
holds the neighbour says nothing about new pictures.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from ..edge_runtime.near_duplicates import near_groups

_STRICTER = (2.0, 4.0)
"""What nearness is divided by, one after the other, where all pictures of a class are one group."""


@dataclass(frozen=True)
class Groups:
    """Images that belong together."""

    numbers: np.ndarray
    """int64 (N,): the same for images of one group."""
    loosened: tuple[int, ...] = ()
    """Classes of which nearly equal images may be on both sides, as there was no other way to split them."""

    def where(self, chosen: np.ndarray) -> "Groups":
        """Those of the images that a bool (N,) array chooses."""
        return Groups(self.numbers[chosen], self.loosened)


def one_side_groups(images: np.ndarray, truth: np.ndarray, share: float, parts: int) -> Groups:
    """Groups of near-duplicates, of any class, that leave each class enough to be split.

    A camera that never moves makes all its pictures nearly equal. Where so many of a class are in one group
    that the rest is less than what must be held back, that group is taken apart by a stricter measure, at
    last by equality of all pixels: neighbours in a burst mostly stay together, and the class is `loosened`.

    Args:
        images: uint8 (N, H, W, 3) RGB.
        truth: int (N,), their classes.
        share: of each class, how much will be held back in all.
        parts: how many parts need a group of each class.
    """
    numbers = near_groups(images)
    loosened: set[int] = set()
    while breakable := {
        label: finer
        for label, members in _too_large(numbers, truth, share, parts).items()
        if (finer := _finer(images[members], members)) is not None
    }:
        for members, finer in breakable.values():
            numbers[members] = numbers.max() + 1 + finer
        loosened |= breakable.keys()
    return Groups(numbers, tuple(sorted(loosened)))


def equal_groups(images: np.ndarray) -> np.ndarray:
    """Groups of images of which all pixels are equal, int64 (N,): a number for each group."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images]
    return np.unique(digests, return_inverse=True)[1]


def _too_large(numbers: np.ndarray, truth: np.ndarray, share: float, parts: int) -> dict[int, np.ndarray]:
    """Classes that cannot be split while their largest group stays whole, and the places of that group."""
    found: dict[int, np.ndarray] = {}
    for class_index in np.unique(truth):
        of_class = numbers[truth == class_index]
        groups, counts = np.unique(of_class, return_counts=True)
        outside = len(of_class) - counts.max()
        if outside < share * len(of_class) - 1 or len(groups) < parts:
            found[int(class_index)] = np.flatnonzero(numbers == groups[counts.argmax()])
    return found


def _finer(images: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The members with their numbers by the first stricter measure that parts them; None where none does."""
    for strictness in _STRICTER:
        finer = near_groups(images, strictness)
        if len(np.unique(finer)) > 1:
            return members, finer
    finer = equal_groups(images)
    return (members, finer) if len(np.unique(finer)) > 1 else None
