"""Images that a test must not share: equal and nearly equal ones of other splits, and calibration images."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..edge_runtime.fingerprint import fingerprint, from_text
from ..edge_runtime.opencv import cv2

NEAR_BITS = 12
"""Two images are near where their difference hashes differ in at most so many of 64 bits..."""
NEAR_STEPS = 12.0
"""...and their thumbnails by at most so many of 255 steps in the mean: skies and walls all hash alike.

Chosen by looking: of CIFAR-10's test images 165 have such a neighbour among the training images, and it is
another copy of the same photograph, or of the same car, in nearly all of them. Barz and Denzler (2020) found
about 3 % by hand, many of them cropped or mirrored, which no hash of this kind sees.
"""
_THUMBNAIL = (8, 8)


@dataclass(frozen=True)
class Leak:
    """What the test images share with another split."""

    split: str
    """`training` or `validation`."""
    images: int
    """Of that split."""
    equal: tuple[int, ...]
    """Places of the test images of which it has the very pixels."""
    near: tuple[int, ...]
    """Places of those of which it has nearly the same picture, equal ones left out."""

    @property
    def warning(self) -> str:
        """What equal images mean for the figures."""
        return (
            f"{len(self.equal):,} of the test images are also among the {self.split} images: accuracy seems "
            "better than it is; remove them from one side"
        )


@dataclass(frozen=True)
class Signatures:
    """What images are compared by."""

    digests: np.ndarray
    """Of the pixels, bytes (N,)."""
    hashes: np.ndarray
    """Difference hashes, uint64 (N,)."""
    thumbnails: np.ndarray
    """int16 (N, 8, 8, 3)."""


def find_leaks(test: np.ndarray, others: Mapping[str, np.ndarray]) -> tuple[Leak, ...]:
    """Compares test images with other splits, all of them uint8 (N, H, W, 3) RGB."""
    tested = signatures(test)
    return tuple(_leak(name, tested, signatures(images)) for name, images in others.items())


def calibrated_on(images: np.ndarray, prints: str) -> tuple[int, ...]:
    """Places of the images, uint8 (N, H, W, 3), that a card's `calibration_prints` name."""
    known = from_text(prints)
    return tuple(place for place, image in enumerate(images) if fingerprint(image) in known)


def signatures(images: np.ndarray) -> Signatures:
    """Digests, hashes and thumbnails of uint8 (N, H, W, 3) images.

    The difference hash is Krawetz's dHash (2013): whether each pixel of a 9x8 grey picture is brighter than
    its left neighbour.
    """
    count = len(images)
    hashes, thumbnails = np.empty(count, np.uint64), np.empty((count, *_THUMBNAIL, 3), np.int16)
    digests = np.array([hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images])
    for place, image in enumerate(images):
        grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
        hashes[place] = np.packbits(grey[:, 1:] > grey[:, :-1]).view(np.uint64)[0]
        thumbnails[place] = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return Signatures(digests, hashes, thumbnails)


def _leak(name: str, tested: Signatures, other: Signatures) -> Leak:
    equal = np.isin(tested.digests, other.digests)
    near = np.array([_has_near(tested, place, other) for place in range(len(equal))])
    return Leak(name, len(other.digests), _places(equal), _places(near & ~equal))


def _has_near(tested: Signatures, place: int, other: Signatures) -> bool:
    alike = np.flatnonzero(np.bitwise_count(tested.hashes[place] ^ other.hashes) <= NEAR_BITS)
    if not len(alike):
        return False
    apart = np.abs(other.thumbnails[alike] - tested.thumbnails[place]).mean(axis=(1, 2, 3))
    return bool(apart.min() <= NEAR_STEPS)


def _places(chosen: np.ndarray) -> tuple[int, ...]:
    return tuple(map(int, np.flatnonzero(chosen)))
