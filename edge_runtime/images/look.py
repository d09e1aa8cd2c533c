"""Look of a picture: a difference hash and a thumbnail, by which near-duplicates and novelties are found."""

from typing import NamedTuple

import numpy as np

from .opencv import cv2

THUMBNAIL = (8, 8)
LOOK_VALUES = 8 * 8 * 3


class Look(NamedTuple):
    """What is compared of a picture."""

    hash: np.uint64
    """Krawetz's dHash (2013): a bit for each pixel of a 9x8 grey picture, set if it is brighter than its left
    neighbour."""
    thumbnail: np.ndarray
    """uint8 (192,): 8x8 RGB."""

    def bits_from(self, other: "Look") -> int:
        """In how many of 64 bits the hashes differ."""
        return (int(self.hash) ^ int(other.hash)).bit_count()

    def steps_from(self, other: "Look") -> float:
        """By how many of 255 steps the thumbnails differ on average."""
        return float(cv2.norm(self.thumbnail, other.thumbnail, cv2.NORM_L1)) / LOOK_VALUES


def look_of(image: np.ndarray) -> Look:
    """Returns the look of uint8 (H, W, 3) RGB or (H, W, 1) grey."""
    shown = np.ascontiguousarray(
        image if image.shape[2] == 3 else image.repeat(3, 2)
    )  # a mirrored one is not
    grey = cv2.resize(cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    thumbnail = cv2.resize(shown, THUMBNAIL, interpolation=cv2.INTER_AREA)
    return Look(np.packbits(grey[:, 1:] > grey[:, :-1]).view(np.uint64)[0], thumbnail.reshape(LOOK_VALUES))
