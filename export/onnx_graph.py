"""ONNX graphs: plain names for layers and tensors, leftovers removed, activations read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.onnx_model import ONNXModel

from .layer_names import Operator, layer_path

INPUT, OUTPUT = "image", "probabilities"
_ROLES = {1: "weights", 2: "bias"}
_WEIGHTED = {"Conv", "ConvTranspose", "Gemm", "MatMul"}


def with_plain_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """Names nodes by layer and operator, `conv2d_1/Conv`, and tensors by the node they come from or go to.

    Names are the same in every process; tf2onnx numbers its own through the life of the process.
    """
    graph = model.graph
    # tf2onnx gives the output the tensor's name, such as `Identity:0`.
    names = {"": "", graph.input[0].name: INPUT, graph.output[0].name: OUTPUT}
    taken = set(names.values())
    constants = _constants(graph)
    for node in graph.node:
        # A fused node may have lost its name; its weights have not.
        sources = [node.name, *(name for name in node.input if name in constants)]
        layer = next(filter(None, map(layer_path, sources)), "")
        node.name = _unique(f"{layer}/{node.op_type}" if layer else node.op_type, taken)
        for output in node.output:
            names.setdefault(output, node.name if len(node.output) == 1 else _unique(node.name, taken))
        for index, name in enumerate(node.input):
            if name in constants and name not in names:
                role = _ROLES.get(index) if node.op_type in _WEIGHTED else None
                names[name] = _unique(f"{node.name}.{role or 'constant'}", taken)
    for node in graph.node:
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    for named in (*graph.input, *graph.output, *graph.initializer):
        named.name = names.get(named.name, named.name)
    graph.initializer.sort(key=lambda constant: constant.name)
    del graph.value_info[:]
    return model


def take_bytes(model: onnx.ModelProto, scale: float, offset: float) -> None:
    """Makes the float32 input of a model with plain names a uint8 one, which the graph scales."""
    graph = model.graph
    taken = {
        INPUT,
        OUTPUT,
        *_constants(graph),
        *(name for node in graph.node for name in (node.name, *node.output)),
    }
    first = _unique("Cast", taken)
    added = [helper.make_node("Cast", [INPUT], [first], first, to=TensorProto.FLOAT)]
    for kind, value in (("Mul", scale), *([("Add", offset)] if offset else [])):
        name = _unique(kind, taken)
        constant = _unique(f"{name}.constant", taken)
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), constant))
        added.append(helper.make_node(kind, [added[-1].output[0], constant], [name], name))
    for node in graph.node:
        node.input[:] = [added[-1].output[0] if name == INPUT else name for name in node.input]
    for index, node in enumerate(added):
        graph.node.insert(index, node)
    graph.initializer.sort(key=lambda constant: constant.name)
    graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8


def without_leftovers(model: onnx.ModelProto) -> onnx.ModelProto:
    """Sorts the nodes, and removes what onnxruntime's tools leave: notes, shapes, unused constants."""
    ONNXModel(model).topological_sort()  # the tools append new nodes at the end
    graph = model.graph
    domains = {node.domain for node in graph.node}
    tensors = {name for node in graph.node for name in node.input}
    _keep(model.opset_import, lambda entry: entry.domain in domains)
    _keep(graph.initializer, lambda constant: constant.name in tensors)
    del model.metadata_props[:], graph.value_info[:]
    model.producer_name, model.producer_version = "edgecls", ""
    graph.name, graph.doc_string = "edgecls", ""
    onnx.checker.check_model(model, full_check=True)
    return model


def with_short_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """Numbers the tensors that quantisation added and removes the names of its nodes: 9 % of a small file.

    Layers, their weights and their outputs keep the names that Keras gives them.
    """
    graph = model.graph
    names = {end.name: end.name for end in (*graph.input, *graph.output)}
    for node in graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.name = ""
            for added in (*node.input[1:], *node.output):  # scale, zero point, what comes out
                names.setdefault(added, str(len(names)))
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for constant in graph.initializer:
        constant.name = names.get(constant.name, constant.name)
    return model


def operators(model: onnx.ModelProto) -> list[Operator]:
    """Returns the nodes of a model with plain names, in the order of execution."""
    constants = _constants(model.graph)
    return [
        Operator(
            node.name,
            node.op_type,
            node.op_type in _WEIGHTED and not constants.isdisjoint(node.input),
            (node.name, *node.output, *(name for name in node.input if name in constants)),
        )
        for node in model.graph.node
    ]


def activations(model: onnx.ModelProto, inputs: Iterable[np.ndarray]) -> Iterator[Mapping[str, np.ndarray]]:
    """Yields the float values of the input and of all nodes' outputs, for each float32 [1, H, W, 3]."""
    shown, names = _with_all_outputs(model)
    session = _session(shown)
    for pixels in inputs:
        yield {INPUT: pixels, **dict(zip(names, session.run(names, {INPUT: pixels}), strict=True))}


def extremes(model: onnx.ModelProto, inputs: Iterable[np.ndarray]) -> Iterator[Mapping[str, np.ndarray]]:
    """Yields the smallest and the largest of these values, (2,), which takes half the time of all values."""
    shown, names = _with_all_outputs(model)
    del shown.graph.output[:]
    for name in names:
        ends = [f"{name}/smallest", f"{name}/largest"]
        for end, kind in zip(ends, ("ReduceMin", "ReduceMax"), strict=True):
            shown.graph.node.append(helper.make_node(kind, [name], [end], keepdims=0))
            shown.graph.output.append(helper.make_tensor_value_info(end, TensorProto.FLOAT, []))
    session = _session(shown)
    for pixels in inputs:
        pairs = np.reshape(session.run(None, {INPUT: pixels}), (-1, 2))
        yield {INPUT: pixels, **dict(zip(names, pairs, strict=True))}


def _with_all_outputs(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """Returns a copy that gives the float values of all nodes, and their names."""
    shown = onnx.shape_inference.infer_shapes(model)
    floats = [
        value for value in shown.graph.value_info if value.type.tensor_type.elem_type == TensorProto.FLOAT
    ]
    del shown.graph.value_info[:]
    shown.graph.output.extend(floats)
    return shown, [value.name for value in shown.graph.output]


def _session(model: onnx.ModelProto) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # threads that wait for work take processor time
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def transposed(model: onnx.ModelProto, tensor: str) -> set[str]:
    """Returns a tensor and its transpositions, which hold the same values in another order."""
    found = {tensor}
    for node in model.graph.node:
        if node.op_type == "Transpose" and node.input[0] in found:
            found.update(node.output)
    return found


def _keep(entries: Any, wanted: Callable[[Any], bool]) -> None:
    kept = [entry for entry in entries if wanted(entry)]
    del entries[:]
    entries.extend(kept)


def _constants(graph: Any) -> set[str]:
    return {constant.name for constant in graph.initializer}


def _unique(name: str, taken: set[str]) -> str:
    chosen, count = name, 1
    while chosen in taken:
        count += 1
        chosen = f"{name}_{count}"
    taken.add(chosen)
    return chosen
