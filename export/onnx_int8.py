"""An ONNX network in int8, in QDQ form."""

import copy
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType, TensorsData

from ..edge_runtime.card import ModelCard
from .calibration import Calibration
from .contract import Io, scaled, with_fixed_batch, zero_pixel
from .layer_names import nodes_by_layer, weighted_layers
from .onnx_convert import to_onnx
from .onnx_graph import INPUT, activations, operators, transposed, with_short_names, without_leftovers
from .onnx_integers import give_int8, keep_float, take_integers
from .ranges import Range, RangeMethod, min_max_ranges, narrowed_ranges

_OPERATORS = (
    *("Add", "AveragePool", "Clip", "Concat", "Conv", "Flatten", "Gemm", "GlobalAveragePool", "LeakyRelu"),
    *("MatMul", "MaxPool", "Mul", "Pad", "Relu", "Reshape", "Resize", "Sigmoid", "Slice", "Split", "Squeeze"),
    *("Transpose", "Unsqueeze"),
)
"""What onnxruntime computes in integers on a CPU. Its tool also rounds around others (ConvTranspose,
LayerNormalization), for other hardware, and for nothing here. The softmax stays float: on one byte its
probabilities would be steps of 0.004."""


class Int8Onnx:
    """A network calibrated once, to be quantised in several ways; see `Int8Network`.

    onnxruntime's `quantize_static` calibrates anew each time; this calls its second half.
    """

    def __init__(self, network: Any, card: ModelCard, calibration: Calibration, io: Io = "uint8") -> None:
        self._card, self._io, self._images, self._zero = card, io, calibration.images, zero_pixel(card)
        self._model = to_onnx(with_fixed_batch(network, card))
        pixels: Range = (card.offset, 255 * card.scale + card.offset)
        self._fixed = dict.fromkeys(transposed(self._model, INPUT), pixels)
        widest = min_max_ranges(activations(self._model, self._inputs())) | self._fixed
        self._ranges: dict[RangeMethod, dict[str, Range]] = {"min-max": widest}
        self._nodes = nodes_by_layer(operators(self._model), weighted_layers(network))
        self.layers = tuple(self._nodes)

    def quantise(self, ranges: RangeMethod = "min-max", float_layers: Collection[str] = ()) -> bytes:
        """The network in int8, but for the layers named; see `Int8Network.quantise`."""
        left_out = [node for layer in float_layers for node in self._nodes[layer]]
        quantizer = QDQQuantizer(
            onnx.shape_inference.infer_shapes(copy.deepcopy(self._model)),
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QInt8 if self._io == "int8" else QuantType.QUInt8,
            tensors_range=_tensors_data(self._ranges_by(ranges)),
            nodes_to_quantize=[],
            nodes_to_exclude=left_out,
            op_types_to_quantize=_OPERATORS,
            extra_options={},
        )
        quantizer.quantize_model()
        model = quantizer.model.model
        if self._io == "uint8":
            take_integers(model, self._card.scale, np.uint8(self._zero))
        if self._io == "int8":
            take_integers(model, self._card.scale, np.int8(self._zero - 128))
            give_int8(model)
        keep_float(model, left_out)
        return with_short_names(without_leftovers(model)).SerializeToString()

    def _ranges_by(self, method: RangeMethod) -> dict[str, Range]:
        if method not in self._ranges:
            values = activations(self._model, self._inputs())
            self._ranges[method] = narrowed_ranges(values, self._ranges["min-max"], method) | self._fixed
        return self._ranges[method]

    def _inputs(self) -> Iterator[np.ndarray]:
        return (scaled(image, self._card) for image in self._images)


def _tensors_data(ranges: dict[str, Range]) -> TensorsData:
    data: dict[str, Any] = {name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges.items()}
    return TensorsData(CalibrationMethod.MinMax, data)
