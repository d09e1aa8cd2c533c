"""The network under the contract of every exported file: uint8 [1, H, W, 3] RGB in, probabilities out."""

from typing import Any

from ..edge_runtime.card import ModelCard
from .keras_libraries import keras


def with_contract(network: Any, card: ModelCard) -> Any:
    """Wraps a Keras network (float32, scaled) so that it takes a camera's bytes, one picture at a time.

    Scaling is inside the graph: the device does no arithmetic that could go wrong.
    """
    pixels = _input(card, "uint8")
    scaled: Any = keras.ops.multiply(keras.ops.cast(pixels, "float32"), card.scale)
    if card.offset:  # a Rescaling layer would add even a zero, and converters keep that
        scaled = scaled + card.offset
    return keras.Model(pixels, network(scaled), name="edgecls")


def with_fixed_batch(network: Any, card: ModelCard) -> Any:
    """Wraps a Keras network with a batch of 1 and its own float32, scaled input.

    Quantisation starts here: it gives the input a scale, which then stands for the scaling.
    """
    pixels = _input(card, "float32")
    return keras.Model(pixels, network(pixels), name="edgecls")


def _input(card: ModelCard, dtype: str) -> Any:
    return keras.Input(
        (card.image.height_px, card.image.width_px, 3), batch_size=1, dtype=dtype, name="image"
    )
