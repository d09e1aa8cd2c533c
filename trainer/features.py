"""Features: what a network sees in a picture, as the numbers that its last layer takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.backend import keras
from ..data.prepared.images import Images
from .augmentation import augment
from .compiled import fast_copy, predict_uint8, with_scaling
from .networks import Design, build
from .networks.design import ARCHITECTURES, Pixels

PIECE_IMAGES = 256
"""Images that are changed with one random generator: whoever computes a piece gets the same features."""


_LOOKED_AT_TOGETHER = 128
"""Between two steps of the display."""


class Features:
    """Computes the features of pictures: the input of a network's last layer.

    Args:
        network: as `networks.build` makes it.
        pixels: the range of pixels that it takes.
    """

    def __init__(self, network: keras.Model, pixels: Pixels) -> None:
        inputs: Any = network.layers[-1].input
        trunk = fast_copy(keras.Model(network.inputs, inputs), "float32")
        self._model = with_scaling(trunk, pixels)
        self.count = int(inputs.shape[-1])

    def of(self, images: np.ndarray) -> np.ndarray:
        """Returns float32 (N, count) for uint8 (N, H, W, 3) RGB."""
        return predict_uint8(self._model, images)


def lite0_features(side_px: int) -> Features:
    """Returns the features of the whole Lite0, 1,280 for each picture, for square images."""
    design = Design("lite0")
    return Features(build(design, side_px, side_px, classes=2), ARCHITECTURES[design.arch].pixels)


@dataclass(frozen=True)
class PictureView:
    """How pictures are looked at: view 0 is as they are, each other one is changed at random."""

    number: int = 0
    kinds: tuple[str, ...] = ()
    """See `augmentation.KINDS`."""
    seed: int = 0
    mirrored_is_same: bool = True

    def of(self, images: np.ndarray, piece: int) -> np.ndarray:
        """Returns the view of the pictures of a piece, uint8 (n, H, W, 3); the same each time."""
        if not self.number:
            return images
        random = np.random.default_rng((self.seed, self.number, piece))
        return augment(images, random, self.kinds, self.mirrored_is_same)


ViewFeatures = Callable[[Images, PictureView, Callable[[int], None]], np.ndarray]
"""Takes images, their view, and what to call with the number of images done; returns float16 (N, count).

Who computes them elsewhere, such as on a cluster, gives a function of this form to `run_training`."""


def view_features(features: Features) -> ViewFeatures:
    """Returns the function that computes here, piece by piece."""

    def of(images: Images, view: PictureView, done: Callable[[int], None]) -> np.ndarray:
        found = np.empty((len(images), features.count), np.float16)
        for piece, start in enumerate(range(0, len(images), PIECE_IMAGES)):
            some = images[start : start + PIECE_IMAGES]
            found[start : start + len(some)] = features_of_piece(features, some, view, piece)
            done(start + len(some))
        return found

    return of


def features_of_piece(features: Features, images: np.ndarray, view: PictureView, piece: int) -> np.ndarray:
    """Returns float16 (n, count) for the uint8 (n, H, W, 3) pictures of a piece."""
    return features.of(view.of(images, piece)).astype(np.float16)
