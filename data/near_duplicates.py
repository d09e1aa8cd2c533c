"""Near-duplicates: other copies of one photograph, and neighbours in a burst; and groups of them.

A network recognises the neighbour of a picture that it was trained on, so a test with such neighbours says
nothing about new pictures. Data sets are split by these groups, and a benchmark counts the overlap with
training images by the same measure.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .signatures import Signatures, linked, signatures

_STRICTER = (2.0, 4.0)
"""Strictness to try, one after the other, where all pictures of a class are one group."""


def near_groups(images: np.ndarray, strictness: float = 1.0) -> np.ndarray:
    """Groups images that are near one another, directly or through others in the group.

    Pictures of an object that moves slowly past a camera are one group: each is near the one before, although
    the first and the last differ.

    Args:
        images: uint8 (N, H, W, 3) RGB.
        strictness: divides both limits.

    Returns:
        int64 (N,): the same arbitrary number for the images of a group.
    """
    return linked(signatures(images), strictness)


@dataclass(frozen=True)
class Groups:
    """Images that must stay on one side of a split."""

    numbers: np.ndarray
    """int64 (N,): the same number for images of one group."""
    loosened: tuple[int, ...] = ()
    """Classes with near-duplicates on both sides, because they could not be split otherwise."""

    def where(self, chosen: np.ndarray) -> "Groups":
        """Returns the groups of the images that a bool (N,) array chooses."""
        return Groups(self.numbers[chosen], self.loosened)

    def joined(self, recordings: np.ndarray) -> "Groups":
        """Returns groups that keep recordings whole; int64 (N,), -1 for an image of none.

        An image that is near one of a recording joins it.
        """
        offset = self.numbers.max() + 1
        of_group = np.full(offset, -1)
        np.maximum.at(of_group, self.numbers, recordings)
        joins = np.where(recordings >= 0, recordings, of_group[self.numbers])
        return Groups(np.where(joins >= 0, offset + joins, self.numbers), self.loosened)


def one_side_groups(images: np.ndarray, truth: np.ndarray, share: float, parts: int) -> Groups:
    """Groups near-duplicates, of any class, so that each class can still be split.

    A fixed camera makes nearly equal pictures only. If a class's largest group leaves less than must be held
    back, the group is divided by a stricter measure, in the end by equality of all pixels. Neighbours in a
    burst mostly stay together, and the class is listed in `loosened`.

    Args:
        images: uint8 (N, H, W, 3) RGB.
        truth: int (N,), their classes.
        share: the share of each class to be held back, 0 to 1.
        parts: the number of parts that need a group of each class.
    """
    looks = signatures(images)
    numbers = linked(looks)
    loosened: set[int] = set()
    while too_large := _too_large_groups(numbers, truth, share, parts):
        divided = {
            group: finer
            for group in set(too_large.values())
            if (finer := _divided(images, looks, np.flatnonzero(numbers == group))) is not None
        }
        if not divided:
            break
        for members, finer in divided.values():
            numbers[members] = numbers.max() + 1 + finer
        loosened |= {label for label, group in too_large.items() if group in divided}
    return Groups(numbers, tuple(sorted(loosened)))


def equal_groups(images: Iterable[np.ndarray]) -> np.ndarray:
    """Groups images that are equal in all pixels; returns int64 (N,), a number for each group."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images]
    return np.unique(digests, return_inverse=True)[1]


def _too_large_groups(numbers: np.ndarray, truth: np.ndarray, share: float, parts: int) -> dict[int, int]:
    """Returns the classes whose largest group is too large to split them, and that group's number."""
    found: dict[int, int] = {}
    for class_index in np.unique(truth):
        of_class = numbers[truth == class_index]
        groups, counts = np.unique(of_class, return_counts=True)
        outside = len(of_class) - counts.max()
        if outside < share * len(of_class) - 1 or len(groups) < parts:
            found[int(class_index)] = int(groups[counts.argmax()])
    return found


def _divided(
    images: np.ndarray, looks: Signatures, members: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Divides a group by the first stricter measure that does; returns None if none does."""
    for strictness in _STRICTER:
        finer = linked(looks.at(members), strictness)
        if len(np.unique(finer)) > 1:
            return members, finer
    finer = equal_groups(images[place] for place in members)
    return (members, finer) if len(np.unique(finer)) > 1 else None
