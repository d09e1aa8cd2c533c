"""What both formats offer for int8: one network, calibrated once, that can be quantised in several ways."""

from collections.abc import Collection
from typing import Protocol

from .ranges import RangeMethod


class Int8Network(Protocol):
    """A calibrated network; `tflite.Int8Tflite` and `onnx.Int8Onnx` are the two of them."""

    layers: tuple[str, ...]
    """The layers with weights by their Keras names, in the order of execution."""

    def quantise(self, ranges: RangeMethod = "min-max", float_layers: Collection[str] = ()) -> bytes:
        """The network in int8, weights per channel, as a file's bytes without a card.

        Args:
            ranges: how the ranges of activations are taken from the calibration images.
            float_layers: stay in float32, together with what follows them up to the next layer with weights.
        """
        ...
