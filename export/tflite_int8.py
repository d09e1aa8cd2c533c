"""Keras to TFLite in int8."""

from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from ..data.backend import tf
from ..edge_runtime.models.card import ModelCard
from .calibration import (
    Calibration,
    Histogram,
    Range,
    RangeMethod,
    histograms_of,
    min_max_ranges,
    narrowed_ranges,
)
from .contract import Io, scaled, with_fixed_batch, zero_pixel
from .layer_names import FAMILIARITY, Operator, nodes_by_layer, scores_of_sigmoids, weighted_layers
from .tflite import quantised, to_tflite
from .tflite_graph import activations, calibrated_ranges, input_name, operators, with_ranges

_TYPES: dict[Io, tuple[Any, Any]] = {
    "uint8": (tf.uint8, tf.float32),
    "int8": (tf.int8, tf.int8),
    "float32": (tf.float32, tf.float32),
}
"""Dtypes of a file's input and output."""
_PROBABILITIES: Range = (0.0, 255 / 256)
"""In int8 a scale of 1/256 and a zero point of -128, as a softmax always has."""


def int8_tflite(network: Any, card: ModelCard, calibration: Calibration, io: Io = "uint8") -> bytes:
    """Converts a network to integers under the contract, with weights per channel.

    The scaling is no operator here: the input tensor's scale is `card.scale`, so a frame's bytes go in
    unchanged.
    If probabilities go out as float32, the softmax stays float: in one byte they would be steps of 0.004, all
    sure answers 0.996, which no threshold could separate. A float softmax costs no time.
    """
    return Int8Tflite(network, card, calibration, io).quantise()


class Int8Tflite:
    """A network calibrated once, to be quantised in several ways; see `ladder.Int8Network`.

    TensorFlow's converter does both at once, with neither other ranges nor layers left in float, so this
    calls its two halves, as its own QuantizationDebugger does. ai-edge-quantizer offers more, but pins the
    version of LiteRT and brings a builder for language models.
    """

    def __init__(self, network: Any, card: ModelCard, calibration: Calibration, io: Io = "uint8") -> None:
        self._card, self._images = card, calibration.images
        self._takes, self._gives = _TYPES[io]
        zero_pixel(card)  # raises if no byte stands for 0
        calibrated = to_tflite(with_fixed_batch(network, card), self._with_places_for_ranges)
        # A softmax needs no range, see `_PROBABILITIES`.
        scale, offset = card.one_scaling
        self._fixed: dict[str, Range] = {input_name(calibrated): (offset, 255 * scale + offset)}
        found = operators(calibrated)
        sigmoids = scores_of_sigmoids(found)
        self._fixed |= dict.fromkeys((*sigmoids[:1], *sigmoids[-1:]), _PROBABILITIES)
        widest = min_max_ranges(activations(calibrated, self._inputs()))
        self._calibrated: dict[RangeMethod, bytes] = {
            "min-max": with_ranges(calibrated, widest | self._fixed)
        }
        self._float = [] if io == "int8" else [*_float_nodes(found), *sigmoids]
        self._nodes = nodes_by_layer(found, weighted_layers(network))
        self.layers = tuple(self._nodes)

    def quantise(self, ranges: RangeMethod = "min-max", float_layers: Collection[str] = ()) -> bytes:
        """Returns the network in int8, except for the layers named; see `Int8Network.quantise`."""
        left_out = [node for layer in float_layers for node in self._nodes[layer]]
        return quantised(self._calibrated_by(ranges), self._takes, self._gives, [*self._float, *left_out])

    def _calibrated_by(self, method: RangeMethod) -> bytes:
        if method not in self._calibrated:
            narrowed = narrowed_ranges(self._histograms, method)
            self._calibrated[method] = with_ranges(self._calibrated["min-max"], narrowed | self._fixed)
        return self._calibrated[method]

    @cached_property
    def _histograms(self) -> dict[str, Histogram]:
        widest = self._calibrated["min-max"]
        return histograms_of(activations(widest, self._inputs()), calibrated_ranges(widest))

    def _with_places_for_ranges(self, converter: Any) -> None:
        # TensorFlow's own ranges are too wide if an Add overwrites its input: a convolution before a shortcut
        # gets the range of the sum. One image gives every tensor a range; ours replace them.
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: ([pixels] for pixels in islice(self._inputs(), 1))
        converter._experimental_calibrate_only = True

    def _inputs(self) -> Iterator[np.ndarray]:
        return (scaled(image, self._card) for image in self._images)


def _float_nodes(found: list[Operator]) -> Iterator[str]:
    """Yields what gives the probabilities: the softmax, and the familiarity that they are multiplied by."""
    has_familiarity = any(one.belongs_to(FAMILIARITY) for one in found)
    for one in found:
        is_last = one is found[-1]  # it is named after the output
        if one.kind == "SOFTMAX" or one.belongs_to(FAMILIARITY) or (has_familiarity and is_last):
            yield one.node
