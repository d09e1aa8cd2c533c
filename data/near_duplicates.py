"""Near-duplicates: other copies of one photograph, and neighbours in a burst; and groups of them.

A network recognises the neighbour of a picture that it was trained on, so a test with such neighbours says
nothing about new pictures. Data sets are split by these groups, and a benchmark counts the overlap with
training images by the same measure.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from ..edge_runtime.images.opencv import cv2

NEAR_BITS = 12
"""Near-duplicates: images whose difference hashes differ in at most so many of 64 bits..."""
NEAR_STEPS = 12.0
"""...and whose thumbnails differ by at most so many of 255 steps on average: skies and walls hash alike.

Both limits were chosen by looking: 165 test images of CIFAR-10 have such a neighbour among the training
images, in nearly all cases another copy of the same photograph or of the same car. Barz and Denzler (2020)
found about 3 % by hand, many of them cropped or mirrored, which a hash of this kind does not see.
"""
_THUMBNAIL = (8, 8)
_VALUES = 8 * 8 * 3
_STRICTER = (2.0, 4.0)
"""Strictness to try, one after the other, where all pictures of a class are one group."""


@dataclass(frozen=True)
class Signatures:
    """Hashes and thumbnails by which images are compared."""

    hashes: np.ndarray
    """Difference hashes, uint64 (N,)."""
    thumbnails: np.ndarray
    """int16 (N, 192): 8x8 RGB."""

    def at(self, places: np.ndarray | slice) -> "Signatures":
        """Returns the signatures of some of the images."""
        return Signatures(self.hashes[places], self.thumbnails[places])


def signatures(images: np.ndarray) -> Signatures:
    """Returns the signatures of uint8 (N, H, W, 3) RGB images.

    The hash is Krawetz's dHash (2013): a bit for each pixel of a 9x8 grey picture, set if the pixel is
    brighter than its left neighbour.
    """
    count = len(images)
    hashes, thumbnails = np.empty(count, np.uint64), np.empty((count, *_THUMBNAIL, 3), np.int16)
    for place, image in enumerate(images):
        grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
        hashes[place] = np.packbits(grey[:, 1:] > grey[:, :-1]).view(np.uint64)[0]
        thumbnails[place] = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return Signatures(hashes, thumbnails.reshape(count, _VALUES))


def near(signature: Signatures, place: int, others: Signatures) -> np.ndarray:
    """Returns the places, int (K,), of the `others` that are near the image at `place` in `signature`."""
    alike = _alike_in_hash(signature, place, others, 1.0)
    return alike[_alike_in_thumbnail(signature, place, others.at(alike), 1.0)]


def near_groups(images: np.ndarray, strictness: float = 1.0) -> np.ndarray:
    """Groups images that are near one another, directly or through others in the group.

    Pictures of an object that moves slowly past a camera are one group: each is near the one before, although
    the first and the last differ. Images are compared only with those of similar brightness, because the
    means of two thumbnails differ by no more than their pixels do: 50,000 images take seconds, and no N x N
    memory.

    Args:
        images: uint8 (N, H, W, 3) RGB.
        strictness: divides both limits.

    Returns:
        int64 (N,): the same arbitrary number for the images of a group.
    """
    found = signatures(images)
    sums = found.thumbnails.sum(axis=1, dtype=np.int64)
    order = np.argsort(sums, kind="stable")
    sums, ordered = sums[order], found.at(order)
    ends = np.searchsorted(sums, sums + NEAR_STEPS / strictness * _VALUES, side="right")
    groups = np.arange(len(images))
    for place, end in enumerate(ends):
        alike = place + 1 + _alike_in_hash(ordered, place, ordered.at(slice(place + 1, end)), strictness)
        apart = alike[groups[alike] != groups[place]]  # the others are linked already, through a third
        linked = apart[_alike_in_thumbnail(ordered, place, ordered.at(apart), strictness)]
        if len(linked):
            groups[np.isin(groups, groups[linked])] = groups[place]
    by_image = np.empty_like(groups)
    by_image[order] = groups
    return by_image


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
        numbers, offset = self.numbers.copy(), self.numbers.max() + 1
        for group in np.unique(numbers[recordings >= 0]):
            members = numbers == group
            numbers[members] = offset + recordings[members].max()
        numbers[recordings >= 0] = offset + recordings[recordings >= 0]
        return Groups(numbers, self.loosened)


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
    numbers = near_groups(images)
    loosened: set[int] = set()
    while breakable := {
        label: finer
        for label, members in _too_large_groups(numbers, truth, share, parts).items()
        if (finer := _divided(images[members], members)) is not None
    }:
        for members, finer in breakable.values():
            numbers[members] = numbers.max() + 1 + finer
        loosened |= breakable.keys()
    return Groups(numbers, tuple(sorted(loosened)))


def equal_groups(images: np.ndarray) -> np.ndarray:
    """Groups images that are equal in all pixels; returns int64 (N,), a number for each group."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images]
    return np.unique(digests, return_inverse=True)[1]


def _alike_in_hash(one: Signatures, place: int, others: Signatures, strictness: float) -> np.ndarray:
    differing_bits = np.bitwise_count(one.hashes[place] ^ others.hashes)
    return np.flatnonzero(differing_bits <= NEAR_BITS / strictness)


def _alike_in_thumbnail(one: Signatures, place: int, others: Signatures, strictness: float) -> np.ndarray:
    apart_steps = np.abs(others.thumbnails - one.thumbnails[place]).mean(axis=1)
    return np.flatnonzero(apart_steps <= NEAR_STEPS / strictness)


def _too_large_groups(
    numbers: np.ndarray, truth: np.ndarray, share: float, parts: int
) -> dict[int, np.ndarray]:
    """Returns the classes whose largest group is too large to split them, and the places of its images."""
    found: dict[int, np.ndarray] = {}
    for class_index in np.unique(truth):
        of_class = numbers[truth == class_index]
        groups, counts = np.unique(of_class, return_counts=True)
        outside = len(of_class) - counts.max()
        if outside < share * len(of_class) - 1 or len(groups) < parts:
            found[int(class_index)] = np.flatnonzero(numbers == groups[counts.argmax()])
    return found


def _divided(images: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Divides a group by the first stricter measure that does; returns None if none does."""
    for strictness in _STRICTER:
        finer = near_groups(images, strictness)
        if len(np.unique(finer)) > 1:
            return members, finer
    finer = equal_groups(images)
    return (members, finer) if len(np.unique(finer)) > 1 else None
