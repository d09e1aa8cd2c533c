"""What is known of an `.onnx`, read from the file itself."""

from collections import Counter
from math import isfinite

from .inspect_facts import NetworkFacts, OperatorFacts, TensorFacts
from .onnx_content import OnnxContent, OnnxNode, OnnxTensor, OnnxValue, read_onnx
from .onnx_macs import count_macs

_DTYPE_NAMES = """
undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64 complex64
complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1
"""
_DTYPES = _DTYPE_NAMES.split()
"""By TensorProto.DataType."""
_NOT_WEIGHTS = frozenset(["int64", "string", "bool"])  # shapes, axes and masks

_SCALES_AT = {"QuantizeLinear": (1, 2), "DequantizeLinear": (1, 2)}
_SCALES_AT |= dict.fromkeys(["QLinearConv", "QLinearMatMul"], (1, 2, 4, 5, 6, 7))
"""Which inputs are scales and zero points."""
_MOVES = frozenset(["Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"])
"""These change no value."""
_Step = tuple[tuple[str, ...], tuple[str, ...], OnnxNode]


def read_network(content: bytes, name: str) -> NetworkFacts:
    """Reads the facts of an `.onnx`.

    Raises:
        BadModel: damaged, or with external data.
    """
    model = read_onnx(content, name)
    macs, unknown = count_macs(model, content, name)
    opsets = ", ".join(f"{domain or 'opset'} {version}" for domain, version in sorted(model.opsets.items()))
    made_with = filter(None, (f"IR {model.ir_version}", opsets, model.producer))
    return NetworkFacts(
        made_with=", ".join(made_with),
        inputs=tuple(_input(value, model) for value in model.inputs),
        outputs=tuple(_output(value, model) for value in model.outputs),
        operators=_operators(model),
        parameters=_parameters(model),
        macs=macs,
        macs_unknown=unknown,
    )


def _operators(model: OnnxContent) -> tuple[OperatorFacts, ...]:
    counts = Counter(node.name for node in model.nodes if node.op_type != "Constant")
    return tuple(OperatorFacts(name, count) for name, count in counts.items())


def _input(value: OnnxValue, model: OnnxContent) -> TensorFacts:
    return _tensor(value, model, "DequantizeLinear", [(n.inputs[:1], n.outputs[:1], n) for n in model.nodes])


def _output(value: OnnxValue, model: OnnxContent) -> TensorFacts:
    backwards = [(n.outputs[:1], n.inputs[:1], n) for n in reversed(model.nodes)]
    return _tensor(value, model, "QuantizeLinear", backwards)


def _tensor(value: OnnxValue, model: OnnxContent, quantising: str, steps: list[_Step]) -> TensorFacts:
    """An input or output with its scale, which the operator has that its values meet first, or met last."""
    dtype, carriers = _dtype(value.data_type), {value.name}
    for near, far, node in steps:
        if carriers.isdisjoint(near):
            continue
        if node.op_type in _MOVES:
            carriers.update(far)
        scale, zero_point = (_single(model, node, at) for at in (1, 2))
        if node.op_type == quantising and scale is not None and isfinite(scale):
            return TensorFacts(value.name, dtype, value.shape, scale, int(zero_point or 0))
    return TensorFacts(value.name, dtype, value.shape)


def _single(model: OnnxContent, node: OnnxNode, at: int) -> float | None:
    constant = model.constants.get(node.inputs[at]) if at < len(node.inputs) else None
    return constant.single if constant else None


def _parameters(model: OnnxContent) -> int:
    scales = {
        name
        for node in model.nodes
        for index, name in enumerate(node.inputs)
        if index in _SCALES_AT.get(node.op_type, ())
    }
    return sum(
        tensor.elements
        for name, tensor in model.constants.items()
        if name not in scales and _is_weight(tensor)
    )


def _is_weight(tensor: OnnxTensor) -> bool:
    """A number that stands alone is a step of arithmetic, such as the division by 255."""
    return bool(tensor.shape) and _dtype(tensor.data_type) not in _NOT_WEIGHTS


def _dtype(data_type: int) -> str:
    return _DTYPES[data_type] if 0 <= data_type < len(_DTYPES) else f"type {data_type}"
