"""Features: what a network sees in a picture, as the numbers that its last layer takes."""

from typing import Any

import numpy as np

from ..data.backend import keras
from .compiled import predict_uint8, with_scaling
from .networks import Design, build
from .networks.design import ARCHITECTURES, Pixels


class Features:
    """Computes the features of pictures: the input of a network's last layer.

    Args:
        network: as `networks.build` makes it.
        pixels: the range of pixels that it takes.
    """

    def __init__(self, network: keras.Model, pixels: Pixels) -> None:
        inputs: Any = network.layers[-1].input
        self._model = with_scaling(keras.Model(network.inputs, inputs), pixels)
        self.count = int(inputs.shape[-1])

    def of(self, images: np.ndarray) -> np.ndarray:
        """Returns float32 (N, count) for uint8 (N, H, W, 3) RGB."""
        return predict_uint8(self._model, images)


def lite0_features(side_px: int) -> Features:
    """Returns the features of the whole Lite0, 1,280 for each picture, for square images."""
    design = Design("lite0")
    return Features(build(design, side_px, side_px, classes=2), ARCHITECTURES[design.arch].pixels)
