"""A TFLite network in int8."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

import numpy as np

from ..data.backend import tf
from ..edge_runtime.models.card import ModelCard
from .calibration import Calibration, Range, RangeMethod, min_max_ranges, narrowed_ranges
from .contract import Io, scaled, with_fixed_batch, zero_pixel
from .layer_names import nodes_by_layer, weighted_layers
from .tflite_graph import (
    activations,
    calibrated_ranges,
    input_name,
    operators,
    quantised,
    to_tflite,
    with_ranges,
)

_TYPES: dict[Io, tuple[Any, Any]] = {
    "uint8": (tf.uint8, tf.float32),
    "int8": (tf.int8, tf.int8),
    "float32": (tf.float32, tf.float32),
}
"""What a file takes and gives."""


class Int8Tflite:
    """A network calibrated once, to be quantised in several ways; see `Int8Network`.

    TensorFlow's converter does both at once and offers neither other ranges nor layers left in float, so
    this calls its two halves, as its own QuantizationDebugger does. ai-edge-quantizer offers more, but pins
    the version of LiteRT and brings a builder for language models.
    """

    def __init__(self, network: Any, card: ModelCard, calibration: Calibration, io: Io = "uint8") -> None:
        self._card, self._images = card, calibration.images
        self._takes, self._gives = _TYPES[io]
        zero_pixel(card)  # raises where no byte is 0
        calibrated = to_tflite(with_fixed_batch(network, card), self._with_places_for_ranges)
        # The output needs none: the scale of an int8 softmax is always 1/256, its zero point -128.
        self._fixed: dict[str, Range] = {
            input_name(calibrated): (card.offset, 255 * card.scale + card.offset)
        }
        widest = min_max_ranges(activations(calibrated, self._inputs()))
        self._calibrated: dict[RangeMethod, bytes] = {
            "min-max": with_ranges(calibrated, widest | self._fixed)
        }
        found = operators(calibrated)
        self._softmax = [] if io == "int8" else [one.node for one in found if one.kind == "SOFTMAX"]
        self._nodes = nodes_by_layer(found, weighted_layers(network))
        self.layers = tuple(self._nodes)

    def quantise(self, ranges: RangeMethod = "min-max", float_layers: Collection[str] = ()) -> bytes:
        """The network in int8, but for the layers named; see `Int8Network.quantise`."""
        left_out = [node for layer in float_layers for node in self._nodes[layer]]
        return quantised(self._calibrated_by(ranges), self._takes, self._gives, [*self._softmax, *left_out])

    def _calibrated_by(self, method: RangeMethod) -> bytes:
        if method not in self._calibrated:
            widest = self._calibrated["min-max"]
            values = activations(widest, self._inputs())
            narrowed = narrowed_ranges(values, calibrated_ranges(widest), method)
            self._calibrated[method] = with_ranges(widest, narrowed | self._fixed)
        return self._calibrated[method]

    def _with_places_for_ranges(self, converter: Any) -> None:
        # TensorFlow's own ranges are too wide where an Add overwrites its input: a convolution in front of
        # a shortcut gets the range of their sum. One image gives every tensor a range, ours replace them.
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: ([pixels] for pixels in islice(self._inputs(), 1))
        converter._experimental_calibrate_only = True

    def _inputs(self) -> Iterator[np.ndarray]:
        return (scaled(image, self._card) for image in self._images)
