"""The contract of every exported file, added to a network: uint8 [1, H, W, 3] RGB in, probabilities out.

`--io` makes files for other hosts; the card's `io` is one of:

    uint8     uint8 RGB in, float32 probabilities out         Raspberry Pi, phones, Edge TPU, Frigate
    int8      int8 in, RGB minus 128; int8 out, probability = (value + 128) / 256      microcontrollers
    float32   float32 in, RGB * scale + offset as in training; float32 probabilities out
"""

from typing import Any, Literal

import numpy as np

from ..data.backend import keras
from ..edge_runtime.errors import BadModel, UsageError
from ..edge_runtime.models.card import ModelCard

Io = Literal["uint8", "int8", "float32"]


def for_host(network: Any, card: ModelCard, io: Io) -> Any:
    """Wraps a Keras network for a float file.

    Raises:
        UsageError: `io` is int8, which only int8 files support.
    """
    check_float_io(io)
    return with_fixed_batch(network, card) if io == "float32" else with_contract(network, card)


def check_float_io(io: Io) -> None:
    """Raises UsageError if `io` is int8, which only int8 files support."""
    if io == "int8":
        raise UsageError("--io int8: only an int8 file takes and gives int8; add --int8 or leave --io out")


def with_contract(network: Any, card: ModelCard) -> Any:
    """Wraps a Keras network (float32, scaled) so that it takes a camera's bytes, one picture at a time.

    Scaling is inside the graph: the device does no arithmetic that could go wrong.
    """
    pixels = _input(card, "uint8")
    scale, offset = card.one_scaling
    scaled: Any = keras.ops.multiply(keras.ops.cast(pixels, "float32"), scale)
    if offset:  # a Rescaling layer would add 0 too, which converters keep
        scaled = scaled + offset
    return keras.Model(pixels, network(scaled), name="edgecls")


def with_fixed_batch(network: Any, card: ModelCard) -> Any:
    """Wraps a Keras network with a batch of 1 and its own float32, scaled input.

    Quantisation starts from it: the scale that it gives the input replaces the scaling.
    """
    pixels = _input(card, "float32")
    return keras.Model(pixels, network(pixels), name="edgecls")


def scaled(image: np.ndarray, card: ModelCard) -> np.ndarray:
    """Returns the input that the network was trained on: float32 [1, H, W, 3] of a uint8 (H, W, 3) image."""
    scale, offset = card.one_scaling
    return image[np.newaxis].astype(np.float32) * np.float32(scale) + np.float32(offset)


def zero_pixel(card: ModelCard) -> int:
    """Returns the byte that becomes 0 in the network: 0 for pixels of 0..1, 128 for pixels of -1..1.

    Padding and ReLU give exactly 0, so a byte must stand for it in an int8 file.

    Raises:
        BadModel: no byte does.
    """
    scale, offset = card.one_scaling
    zero = round(-offset / scale)
    if not 0 <= zero <= 255:
        low, high = offset, 255 * scale + offset
        raise BadModel(f"pixels become {low:g} to {high:g}, and int8 needs a 0 among them; leave out --int8")
    return zero


def _input(card: ModelCard, dtype: str) -> Any:
    return keras.Input(card.image.shape, batch_size=1, dtype=dtype, name="image")
