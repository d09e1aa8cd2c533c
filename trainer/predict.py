"""A network's answers for images as they are, uint8: the scaling goes in front of it."""

from typing import Any

import numpy as np

from ..data.backend import keras

_BATCH = 256
SILENT: Any = 0  # Any, because pyright infers from Keras's default that `verbose` is a str


def probabilities(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """What a network gives for uint8 (N, H, W, 3) RGB: float32 (N, C), each row summing to 1."""
    return answers(scaled(network), images)


def answers(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """As `probabilities`, for what `scaled` gave: to be asked more than once, it is compiled once.

    Batch by batch, because `predict` makes a data set of the images, which takes a copy of them and may wait
    at its end; see `feed`.
    """
    starts = range(0, len(images), _BATCH)
    return np.concatenate([network.predict_on_batch(images[start : start + _BATCH]) for start in starts])


def scaled(network: keras.Model) -> keras.Model:
    """The network with the scaling in front of it, so that images stay uint8 until they are in the graph."""
    shape = network.input_shape[1:]
    return keras.Sequential([keras.Input(shape, dtype="uint8"), keras.layers.Rescaling(1 / 255), network])
