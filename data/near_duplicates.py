"""Which images are nearly equal: other copies of one photograph, and neighbours in a burst.

The one definition: a data set is split by it, and a benchmark finds by it what a test shares with training.
"""

from dataclasses import dataclass

import numpy as np

from ..edge_runtime.images.opencv import cv2

NEAR_BITS = 12
"""Two images are near where their difference hashes differ in at most so many of 64 bits..."""
NEAR_STEPS = 12.0
"""...and their thumbnails by at most so many of 255 steps in the mean: skies and walls all hash alike.

Chosen by looking: of CIFAR-10's test images 165 have such a neighbour among the training images, and it is
another copy of the same photograph, or of the same car, in nearly all of them. Barz and Denzler (2020) found
about 3 % by hand, many of them cropped or mirrored, which no hash of this kind sees.
"""
_THUMBNAIL = (8, 8)
_VALUES = 8 * 8 * 3


@dataclass(frozen=True)
class Signatures:
    """What images are compared by."""

    hashes: np.ndarray
    """Difference hashes, uint64 (N,)."""
    thumbnails: np.ndarray
    """int16 (N, 192): 8x8 RGB."""

    def at(self, places: np.ndarray | slice) -> "Signatures":
        """Those of some images."""
        return Signatures(self.hashes[places], self.thumbnails[places])


def signatures(images: np.ndarray) -> Signatures:
    """Hashes and thumbnails of uint8 (N, H, W, 3) RGB images.

    The difference hash is Krawetz's dHash (2013): whether each pixel of a 9x8 grey picture is brighter than
    its left neighbour.
    """
    count = len(images)
    hashes, thumbnails = np.empty(count, np.uint64), np.empty((count, *_THUMBNAIL, 3), np.int16)
    for place, image in enumerate(images):
        grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
        hashes[place] = np.packbits(grey[:, 1:] > grey[:, :-1]).view(np.uint64)[0]
        thumbnails[place] = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return Signatures(hashes, thumbnails.reshape(count, _VALUES))


def near(signature: Signatures, place: int, others: Signatures) -> np.ndarray:
    """Which of the `others` are near the image at `place` of `signature`: their places, int (K,)."""
    alike = _alike_in_hash(signature, place, others, 1.0)
    return alike[_alike_in_thumbnail(signature, place, others.at(alike), 1.0)]


def near_groups(images: np.ndarray, strictness: float = 1.0) -> np.ndarray:
    """Groups of images that are near one another, directly or by way of others in the group.

    An object that moves slowly past a camera is one group, though its first and last pictures differ: each is
    near the one before. An image is compared with those of about its brightness, since the means of two
    thumbnails differ by no more than their pixels do; so 50,000 images take seconds, and never N x N bytes.

    Args:
        images: uint8 (N, H, W, 3) RGB.
        strictness: both limits are divided by it.

    Returns:
        int64 (N,): the same number for the images of a group, whatever number that is.
    """
    found = signatures(images)
    sums = found.thumbnails.sum(axis=1, dtype=np.int64)
    order = np.argsort(sums, kind="stable")
    sums, ordered = sums[order], found.at(order)
    ends = np.searchsorted(sums, sums + NEAR_STEPS / strictness * _VALUES, side="right")
    groups = np.arange(len(images))
    for place, end in enumerate(ends):
        alike = place + 1 + _alike_in_hash(ordered, place, ordered.at(slice(place + 1, end)), strictness)
        apart = alike[groups[alike] != groups[place]]  # the others are linked already, by way of a third
        linked = apart[_alike_in_thumbnail(ordered, place, ordered.at(apart), strictness)]
        if len(linked):
            groups[np.isin(groups, groups[linked])] = groups[place]
    by_image = np.empty_like(groups)
    by_image[order] = groups
    return by_image


def _alike_in_hash(one: Signatures, place: int, others: Signatures, strictness: float) -> np.ndarray:
    differing_bits = np.bitwise_count(one.hashes[place] ^ others.hashes)
    return np.flatnonzero(differing_bits <= NEAR_BITS / strictness)


def _alike_in_thumbnail(one: Signatures, place: int, others: Signatures, strictness: float) -> np.ndarray:
    apart_steps = np.abs(others.thumbnails - one.thumbnails[place]).mean(axis=1)
    return np.flatnonzero(apart_steps <= NEAR_STEPS / strictness)
