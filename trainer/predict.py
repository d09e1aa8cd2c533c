"""A network's answers for images as they are, uint8: the scaling goes in front of it."""

from typing import Any

import numpy as np

from .backend import keras

_BATCH = 256
_CHUNK = 16 * _BATCH
"""Images at a time: Keras copies what it is given, and a data set need not be in memory twice."""
SILENT: Any = 0  # Any, because pyright infers from Keras's default that `verbose` is a str


def probabilities(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """What a network gives for uint8 (N, H, W, 3) RGB: float32 (N, C), each row summing to 1."""
    return answers(scaled(network), images)


def answers(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """As `probabilities`, for what `scaled` gave: to be asked more than once, it is compiled once."""
    chunks = (images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK))
    answered = [network.predict(chunk, batch_size=_BATCH, verbose=SILENT) for chunk in chunks]
    return np.concatenate(answered) if len(answered) > 1 else np.asarray(answered[0])


def scaled(network: keras.Model) -> keras.Model:
    """The network with the scaling in front of it, so that images stay uint8 until they are in the graph."""
    shape = network.input_shape[1:]
    return keras.Sequential([keras.Input(shape, dtype="uint8"), keras.layers.Rescaling(1 / 255), network])
