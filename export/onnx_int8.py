"""Keras to ONNX in int8, in QDQ form (QuantizeLinear and DequantizeLinear around the operators)."""

import copy
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType, TensorsData

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
from .contract import Io, scaled, zero_pixel
from .layer_names import FAMILIARITY, nodes_by_layer, scores_of_sigmoids
from .onnx import OnnxNetwork
from .onnx_graph import (
    INPUT,
    OUTPUT,
    activations,
    extremes,
    operators,
    transposed,
    with_short_names,
    without_leftovers,
)

_OPERATORS = (
    *("Add", "AveragePool", "Clip", "Concat", "Conv", "Flatten", "Gemm", "GlobalAveragePool", "LeakyRelu"),
    *("MatMul", "MaxPool", "Mul", "Pad", "Relu", "Reshape", "Resize", "Sigmoid", "Slice", "Split", "Squeeze"),
    *("Transpose", "Unsqueeze"),
)
"""What onnxruntime computes in integers on a CPU. Its tool also quantises around others (ConvTranspose,
LayerNormalization), for other hardware, at no gain here. The softmax stays float: in one byte its
probabilities would be steps of 0.004."""


def int8_onnx(network: OnnxNetwork, card: ModelCard, calibration: Calibration, io: Io = "uint8") -> bytes:
    """Quantises a network under the contract: int8 weights per channel, uint8 activations (U8S8).

    With S8S8 the same networks take 1.0 to 2.2 times as long on x86-64, 2 to 7 % more instructions on a
    Raspberry Pi 4 and 4 to 11 % fewer on a Raspberry Pi 5. `--io int8` is S8S8, as its hosts support int8
    only.
    """
    return Int8Onnx(network, card, calibration, io).quantise()


class Int8Onnx:
    """A network calibrated once, to be quantised in several ways; see `ladder.Int8Network`.

    onnxruntime's `quantize_static` calibrates each time; this calls its second half.
    """

    def __init__(
        self, network: OnnxNetwork, card: ModelCard, calibration: Calibration, io: Io = "uint8"
    ) -> None:
        self._card, self._io, self._images, self._zero = card, io, calibration.images, zero_pixel(card)
        self._model = network.model
        self._scale, offset = card.one_scaling
        pixels: Range = (offset, 255 * self._scale + offset)
        self._fixed = dict.fromkeys(transposed(self._model, INPUT), pixels)
        widest = min_max_ranges(extremes(self._model, self._inputs())) | self._fixed
        self._ranges: dict[RangeMethod, dict[str, Range]] = {"min-max": widest}
        found = operators(self._model)
        self._nodes = nodes_by_layer(found, network.layers)
        familiarity = [one.node for one in found if one.belongs_to(FAMILIARITY)]
        self._float = [*familiarity, *scores_of_sigmoids(found)]
        self.layers = tuple(self._nodes)

    def quantise(self, ranges: RangeMethod = "min-max", float_layers: Collection[str] = ()) -> bytes:
        """Returns the network in int8, except for the layers named; see `Int8Network.quantise`."""
        left_out = [node for layer in float_layers for node in self._nodes[layer]]
        quantizer = QDQQuantizer(
            onnx.shape_inference.infer_shapes(copy.deepcopy(self._model)),
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QInt8 if self._io == "int8" else QuantType.QUInt8,
            tensors_range=_tensors_data(self._ranges_by(ranges)),
            nodes_to_quantize=[],
            nodes_to_exclude=[*self._float, *left_out],
            op_types_to_quantize=_OPERATORS,
            extra_options={},
        )
        quantizer.quantize_model()
        model = quantizer.model.model
        if self._io == "uint8":
            take_integers(model, self._scale, np.uint8(self._zero))
        if self._io == "int8":
            take_integers(model, self._scale, np.int8(self._zero - 128))
            give_int8(model)
        keep_float(model, left_out)
        return with_short_names(without_leftovers(model)).SerializeToString()

    def _ranges_by(self, method: RangeMethod) -> dict[str, Range]:
        if method not in self._ranges:
            self._ranges[method] = narrowed_ranges(self._histograms, method) | self._fixed
        return self._ranges[method]

    @cached_property
    def _histograms(self) -> dict[str, Histogram]:
        return histograms_of(activations(self._model, self._inputs()), self._ranges["min-max"])

    def _inputs(self) -> Iterator[np.ndarray]:
        return (scaled(image, self._card) for image in self._images)


def _tensors_data(ranges: dict[str, Range]) -> TensorsData:
    data: dict[str, Any] = {name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges.items()}
    return TensorsData(CalibrationMethod.MinMax, data)


def take_integers(model: onnx.ModelProto, scale: float, zero_point: np.integer) -> None:
    """Makes a float input an integer one, of the type of `zero_point`: uint8 or int8.

    If the graph would turn its input into the same integers, that step is removed: a camera's bytes go in
    unchanged.
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
    """Makes a float output an int8 one, in steps of 1/256; -128 is probability 0."""
    graph: Any = model.graph
    parameters = _constants(graph, "probability", np.float32(1 / 256), np.int8(-128))
    for node in graph.node:
        node.output[:] = ["probabilities_float" if name == OUTPUT else name for name in node.output]
    quantise = helper.make_node("QuantizeLinear", ["probabilities_float", *parameters], [OUTPUT], OUTPUT)
    graph.node.append(quantise)
    graph.output[0].type.tensor_type.elem_type = TensorProto.INT8


def keep_float(model: onnx.ModelProto, nodes: Collection[str]) -> None:
    """Makes onnxruntime compute in float the `nodes` that were left in float.

    If it finds a convolution or a Gemm between a DequantizeLinear and a QuantizeLinear, it quantises the
    weights itself when it loads the file, with one scale for all channels (its WeightBiasQuantization; since
    1.23 across a ReLU too). A maximum of one tensor computes nothing and separates the two.
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
    """Adds constants for the scale and the zero point of a tensor; returns their names."""
    names = [f"{of}_scale", f"{of}_zero_point"]  # the quantiser may have named others after the tensor
    for name, value in zip(names, (scale, zero_point), strict=True):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return names


def _first_quantise(graph: Any) -> Any:
    """Returns the QuantizeLinear that alone consumes the input, perhaps transposed, or None."""
    tensor = INPUT
    while True:
        consumers = [node for node in graph.node if tensor in node.input]
        if len(consumers) != 1 or consumers[0].op_type not in ("Transpose", "QuantizeLinear"):
            return None
        if consumers[0].op_type == "QuantizeLinear":
            return consumers[0]
        tensor = consumers[0].output[0]
