"""What a quantised ONNX graph still needs: ends that take and give integers, and floats that stay float."""

from collections.abc import Collection
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .onnx_graph import INPUT, OUTPUT


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
