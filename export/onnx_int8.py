"""An ONNX network in int8, in QDQ form."""

import copy
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType, TensorsData

from ..edge_runtime.models.card import ModelCard
from .calibration import Calibration, Range, RangeMethod, min_max_ranges, narrowed_ranges
from .contract import Io, scaled, with_fixed_batch, zero_pixel
from .layer_names import nodes_by_layer, weighted_layers
from .onnx_graph import (
    INPUT,
    OUTPUT,
    activations,
    operators,
    to_onnx,
    transposed,
    with_short_names,
    without_leftovers,
)

# What a quantised ONNX graph still needs: ends that take and give integers, and floats that stay float.


def take_integers(model: onnx.ModelProto, scale: float, zero_point: np.integer) -> None:
    """Takes integers where a graph took floats; `zero_point` is a uint8 or an int8 and says which.

    Where the graph would turn its input into the very same integers, that step falls away: a camera's bytes
    go in unchanged.
    """
    graph: Any = model.graph
    parameters = _constants(graph, "pixel", np.float32(scale), zero_point)
    graph.input[0].type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(zero_point.dtype)
    quantise = _first_quantise(graph)
    if quantise is None:  # the first layer stays in float
        for node in graph.node:
            node.input[:] = ["image_scaled" if name == INPUT else name for name in node.input]
        dequantise = helper.make_node("DequantizeLinear", [INPUT, *parameters], ["image_scaled"], "image")
        graph.node.insert(0, dequantise)
        return
    source, result = quantise.input[0], quantise.output[0]
    graph.node.remove(quantise)
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] == result:
            node.input[:] = [source, *parameters]


def give_int8(model: onnx.ModelProto) -> None:
    """Gives int8 probabilities in steps of 1/256, -128 for none, where a graph gave floats."""
    graph: Any = model.graph
    parameters = _constants(graph, "probability", np.float32(1 / 256), np.int8(-128))
    for node in graph.node:
        node.output[:] = ["probabilities_float" if name == OUTPUT else name for name in node.output]
    quantise = helper.make_node("QuantizeLinear", ["probabilities_float", *parameters], [OUTPUT], OUTPUT)
    graph.node.append(quantise)
    graph.output[0].type.tensor_type.elem_type = TensorProto.INT8


def keep_float(model: onnx.ModelProto, nodes: Collection[str]) -> None:
    """Has onnxruntime compute the `nodes` in float that a quantiser left in float.

    Where it finds a convolution or a Gemm between a DequantizeLinear and a QuantizeLinear, it rounds the
    weights itself as it loads the file, and that with one scale for all channels (its WeightBiasQuantization;
    since 1.23 past a ReLU too). A maximum of one tensor computes nothing, and hides the one from the other.
    """
    graph: Any = model.graph
    constants = {constant.name for constant in graph.initializer}
    dequantised = {
        node.output[0]
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] not in constants
    }
    for node in [node for node in graph.node if node.name in nodes]:
        for index, tensor in enumerate(node.input):
            if tensor in dequantised:
                node.input[index] = f"{node.name}_float_{index}"
                graph.node.append(helper.make_node("Max", [tensor], [node.input[index]], node.input[index]))


def _constants(graph: Any, of: str, scale: np.floating, zero_point: np.integer) -> list[str]:
    """Adds the scale and the zero point of a tensor; returns their names."""
    names = [f"{of}_scale", f"{of}_zero_point"]  # the quantiser may have called others after the tensor
    for name, value in zip(names, (scale, zero_point), strict=True):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return names


def _first_quantise(graph: Any) -> Any:
    """The QuantizeLinear that the input goes into alone, by way of transpositions at most, or None."""
    tensor = INPUT
    while True:
        consumers = [node for node in graph.node if tensor in node.input]
        if len(consumers) != 1 or consumers[0].op_type not in ("Transpose", "QuantizeLinear"):
            return None
        if consumers[0].op_type == "QuantizeLinear":
            return consumers[0]
        tensor = consumers[0].output[0]


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
