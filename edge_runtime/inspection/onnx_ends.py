"""Ends of an ONNX graph: its inputs and outputs, with the scales and operators that are next to them."""

from math import isfinite

from .facts import TensorFacts
from .onnx_content import OnnxContent, OnnxNode, OnnxValue, read_onnx

_DTYPE_NAMES = """
undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64 complex64
complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1
"""
_DTYPES = _DTYPE_NAMES.split()
"""By TensorProto.DataType."""
_RESHAPES = frozenset(["Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"])
"""Operators that change no value."""
_Use = tuple[tuple[str, ...], tuple[str, ...], OnnxNode]
"""A node with its near and far tensors, seen from an end of the network."""


def quantised_ends(content: bytes, name: str) -> dict[str, tuple[float, int]]:
    """Returns scale and zero point of the inputs and outputs whose first or last operator states them.

    Raises:
        BadModel: damaged, or with external data.
    """
    model = read_onnx(content, name)
    ends = [
        *(input_facts(value, model) for value in model.inputs),
        *(output_facts(value, model) for value in model.outputs),
    ]
    return {end.name: (end.scale, end.zero_point or 0) for end in ends if end.scale}


def input_facts(value: OnnxValue, model: OnnxContent) -> TensorFacts:
    """Returns what a file says of an input; its scale is that of the operator that reads it."""
    return _tensor(value, model, "DequantizeLinear", [(n.inputs[:1], n.outputs[:1], n) for n in model.nodes])


def output_facts(value: OnnxValue, model: OnnxContent) -> TensorFacts:
    """Returns what a file says of an output; its scale is that of the operator that makes it."""
    backwards = [(n.outputs[:1], n.inputs[:1], n) for n in reversed(model.nodes)]
    return _tensor(value, model, "QuantizeLinear", backwards)


def _tensor(value: OnnxValue, model: OnnxContent, quantising: str, steps: list[_Use]) -> TensorFacts:
    """Returns an input or output with its scale, taken from the first (or last) operator on its values."""
    dtype, carriers = dtype_name(value.data_type), {value.name}
    for near, far, node in steps:
        if carriers.isdisjoint(near):
            continue
        if node.op_type in _RESHAPES:
            carriers.update(far)
        scale, zero_point = (_single(model, node, at) for at in (1, 2))
        if node.op_type == quantising and scale is not None and isfinite(scale):
            return TensorFacts(value.name, dtype, value.shape, scale, int(zero_point or 0))
    return TensorFacts(value.name, dtype, value.shape)


def _single(model: OnnxContent, node: OnnxNode, at: int) -> float | None:
    constant = model.constants.get(node.inputs[at]) if at < len(node.inputs) else None
    return constant.single if constant else None


_PASSES_ON = _RESHAPES | {"Cast", "QuantizeLinear", "DequantizeLinear"}


def ends_in(model: OnnxContent) -> tuple[str, ...]:
    """Returns the operator that computes each output; see `NetworkFacts.ends_in`."""
    made_by = {output: node for node in model.nodes for output in node.outputs if output}
    names: list[str] = []
    for output in model.outputs:
        node, steps = made_by.get(output.name), 0
        while node and node.op_type in _PASSES_ON and node.inputs and steps < len(model.nodes):
            node, steps = made_by.get(node.inputs[0]), steps + 1
        names.append(node.name if node else "")
    return tuple(names)


def dtype_name(data_type: int) -> str:
    """Returns numpy's name of a TensorProto.DataType."""
    return _DTYPES[data_type] if 0 <= data_type < len(_DTYPES) else f"type {data_type}"
