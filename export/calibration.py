"""The images that quantisation measures its ranges on: training images only, the same share of each class."""

import hashlib
from dataclasses import dataclass

import numpy as np

from ..edge_runtime.errors import BadData
from ..edge_runtime.fingerprint import to_text

DEFAULT_IMAGES = 512


@dataclass(frozen=True)
class Calibration:
    """Images to calibrate with."""

    images: np.ndarray
    """uint8 (N, H, W, 3) RGB."""
    prints: str = ""
    """`fingerprint.to_text` of the images as they were chosen: the card keeps it, so that nobody scores on
    them unknowingly."""

    @property
    def sha256(self) -> str:
        """Over the pixels, in order."""
        return hashlib.sha256(self.images.tobytes()).hexdigest()


def choose_calibration(
    images: np.ndarray, truth: np.ndarray, seed: int, count: int = DEFAULT_IMAGES
) -> Calibration:
    """Takes `count` training images, seeded and stratified: classes differ by one image at most.

    Args:
        images: uint8 (N, H, W, 3) RGB, the training split.
        truth: int64 (N,).
        seed: the same seed takes the same images.
        count: how many; all of them where there are fewer.

    Raises:
        BadData: there is no training image.
    """
    if not len(images):
        raise BadData("no training images to calibrate with; int8 needs some, a float export does not")
    shuffled = np.random.default_rng(seed).permutation(len(images))
    # The n-th image of every class comes before the n+1-th of any.
    turn = np.empty(len(images), np.int64)
    for label in np.unique(truth):
        of_label = shuffled[truth[shuffled] == label]
        turn[of_label] = np.arange(len(of_label))
    order = shuffled[np.argsort(turn[shuffled], kind="stable")]
    chosen = images[np.sort(order[:count])].copy()
    prints = to_text(chosen)
    # The whole range of a camera's bytes must be in it, or the input's scale would not be 1/255 exactly.
    chosen[0, 0, 0], chosen[0, -1, -1] = 0, 255
    return Calibration(chosen, prints)
