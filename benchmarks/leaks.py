"""Test images that are also in another split, identical or nearly so, or among the calibration images."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..data.overlap import pixel_digests
from ..data.signatures import Signatures, nearest, signatures
from ..edge_runtime.models.card import fingerprint, unpack_fingerprints


@dataclass(frozen=True)
class Leak:
    """What the test images share with another split."""

    split: str
    """`training` or `validation`."""
    images: int
    """Of that split."""
    equal: tuple[int, ...]
    """Positions of the test images that it has with identical pixels."""
    near: tuple[int, ...]
    """Positions of those of which it has near-duplicates; identical ones are left out."""

    @property
    def warning(self) -> str:
        """What identical images mean for the figures."""
        return (
            f"{len(self.equal):,} of the test images are also among the {self.split} images: accuracy is "
            "overstated; remove them from one split"
        )


def find_leaks(test: np.ndarray, others: Mapping[str, np.ndarray]) -> tuple[Leak, ...]:
    """Compares test images with other splits, all of them uint8 (N, H, W, 3) RGB."""
    digests, tested = pixel_digests(test), signatures(test)
    return tuple(_leak(name, digests, tested, images) for name, images in others.items())


def calibrated_on(images: np.ndarray, prints: str) -> tuple[int, ...]:
    """Places of the images, uint8 (N, H, W, 3), that a card's `calibration_prints` name."""
    known = unpack_fingerprints(prints)
    return tuple(place for place, image in enumerate(images) if fingerprint(image) in known)


def _leak(name: str, digests: np.ndarray, tested: Signatures, images: np.ndarray) -> Leak:
    equal = np.isin(digests, pixel_digests(images))
    is_near = nearest(tested, signatures(images)) >= 0
    return Leak(name, len(images), _places(equal), _places(is_near & ~equal))


def _places(chosen: np.ndarray) -> tuple[int, ...]:
    return tuple(map(int, np.flatnonzero(chosen)))
