"""ONNX: the facts of an `.onnx`, read from the file itself; onnxruntime only infers shapes for the MACs."""

from collections import Counter
from math import isfinite, prod

from ..errors import EdgeclsError
from ..models.protobuf import field
from .facts import NetworkFacts, OperatorFacts, Shape, TensorFacts
from .onnx_content import OnnxContent, OnnxNode, OnnxTensor, OnnxValue, read_onnx

_DTYPE_NAMES = """
undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64 complex64
complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1
"""
_DTYPES = _DTYPE_NAMES.split()
"""By TensorProto.DataType."""
_NOT_WEIGHTS = frozenset(["int64", "string", "bool"])  # shapes, axes and masks

_SCALE_INPUTS = {
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
}
"""Which inputs are scales and zero points."""
_RESHAPES = frozenset(["Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"])
"""Operators that change no value."""
_Use = tuple[tuple[str, ...], tuple[str, ...], OnnxNode]
"""A node with its near and far tensors, seen from an end of the network."""


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


def _tensor(value: OnnxValue, model: OnnxContent, quantising: str, steps: list[_Use]) -> TensorFacts:
    """Returns an input or output with its scale, taken from the first (or last) operator on its values."""
    dtype, carriers = _dtype(value.data_type), {value.name}
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


def _parameters(model: OnnxContent) -> int:
    scales = {
        name
        for node in model.nodes
        for index, name in enumerate(node.inputs)
        if index in _SCALE_INPUTS.get(node.op_type, ())
    }
    return sum(
        tensor.elements
        for name, tensor in model.constants.items()
        if name not in scales and _is_weight(tensor)
    )


def _is_weight(tensor: OnnxTensor) -> bool:
    """A scalar is part of the arithmetic, such as the division by 255."""
    return bool(tensor.shape) and _dtype(tensor.data_type) not in _NOT_WEIGHTS


def _dtype(data_type: int) -> str:
    return _DTYPES[data_type] if 0 <= data_type < len(_DTYPES) else f"type {data_type}"


# Multiply-accumulates for one picture, counted from the shapes of tensors.

_CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "ConvInteger": 1, "QLinearConv": 3, "ConvTranspose": 1}
"""Which input is the kernel: (output channels, input channels, *size) of one group; transposed, swapped."""
_WITH_MATRIX = {"Gemm": 1, "FusedGemm": 1, "QGemm": 3}
"""Which input is the matrix; it may be transposed, and so may the other factor."""
_PRODUCTS = {"MatMul": 1, "MatMulInteger": 1, "QLinearMatMul": 3}
"""Which input is the second factor: (..., K, N)."""
_WEIGHT_INPUTS = _CONVOLUTIONS | _WITH_MATRIX | _PRODUCTS
_UNCOUNTABLE = frozenset(
    ["LSTM", "GRU", "RNN", "Einsum", "Attention", "DeformConv", "If", "Loop", "Scan", "DFT", "STFT"]
)
"""Operators that multiply too, but how often does not follow from shapes alone."""
_WITHOUT_PRODUCTS = ("Gelu", "FastGelu", "BiasGelu", "QuickGelu", "QuantizeLinear", "DequantizeLinear")
"""Operators outside ONNX's own domain that are not counted; those named QLinear... are not listed."""


def count_macs(model: OnnxContent, content: bytes, name: str) -> tuple[int | None, str]:
    """Returns the multiply-accumulates for one picture; or None, and why they are unknown."""
    for node in model.nodes:
        if not _is_understood(node):
            return None, f"unknown for the operator {node.name}"
    counted = [node for node in model.nodes if node.op_type in _WEIGHT_INPUTS]
    try:
        shapes = _shapes(model, counted, content, name)
        return sum(_node_macs(node, shapes) for node in counted), ""
    except EdgeclsError as error:  # onnxruntime is not installed, or older than the file
        return None, str(error).removeprefix(f"{name}: ").partition(";")[0]
    except (LookupError, ValueError, ZeroDivisionError):
        return None, "not all shapes are fixed"


def _is_understood(node: OnnxNode) -> bool:
    if node.op_type in _WEIGHT_INPUTS or not node.domain:
        return node.op_type not in _UNCOUNTABLE
    return node.op_type in _WITHOUT_PRODUCTS or node.op_type.startswith("QLinear")


def _shapes(
    model: OnnxContent, counted: list[OnnxNode], content: bytes, name: str
) -> dict[str, tuple[int, ...]]:
    shapes = {constant: tensor.shape for constant, tensor in model.constants.items()}
    wanted = {tensor for node in counted for tensor in _read_of(node)} - shapes.keys()
    outputs = [value.name for value in model.outputs]
    inferred = tensor_shapes(content, sorted(wanted.difference(outputs)), name) if wanted else {}
    return shapes | {tensor: _for_one_picture(inferred[tensor]) for tensor in wanted}


def _read_of(node: OnnxNode) -> tuple[str, str]:
    """Returns the two tensors whose shapes determine how often a node multiplies."""
    moved = node.inputs[0] if node.op_type == "ConvTranspose" else node.outputs[0]
    return moved, node.inputs[_WEIGHT_INPUTS[node.op_type]]


def _node_macs(node: OnnxNode, shapes: dict[str, tuple[int, ...]]) -> int:
    moved, weights = (shapes[tensor] for tensor in _read_of(node))
    if node.op_type in _CONVOLUTIONS:
        return prod(moved) * prod(weights[1:])
    if node.op_type in _WITH_MATRIX:
        return prod(moved) * prod(weights) // moved[-1]
    return prod(moved) * weights[-2 if len(weights) > 1 else 0]


def _for_one_picture(shape: Shape) -> tuple[int, ...]:
    """Takes a batch of 1; any other size has to be fixed."""
    sizes = (1 if index == 0 and size is None else size for index, size in enumerate(shape))
    return tuple(_fixed(size) for size in sizes)


def _fixed(size: int | None) -> int:
    if size is None:
        raise ValueError("a size that is not fixed")
    return size


# Shapes of the tensors inside the graph, inferred by onnxruntime, as a device has no onnx package.

_MODEL_GRAPH, _GRAPH_OUTPUT, _VALUE_NAME = 7, 12, 1


def tensor_shapes(content: bytes, tensors: list[str], name: str) -> dict[str, Shape]:
    """Returns the shapes of these tensors and of the outputs; None in them is a size chosen at run time.

    onnxruntime gives the shapes of outputs only, so the tensors are made outputs. Protocol buffers join the
    fields of concatenated messages: a second graph is appended that holds only their names.

    Raises:
        BadModel: onnxruntime cannot load the model.
        Unavailable: it is not installed.
    """
    from ..engines.onnxruntime import open_session  # noqa: PLC0415 - a device may have LiteRT only

    outputs = b"".join(field(_GRAPH_OUTPUT, field(_VALUE_NAME, tensor.encode())) for tensor in tensors)
    session = open_session(content + field(_MODEL_GRAPH, outputs), name)
    return {
        output.name: tuple(size if isinstance(size, int) else None for size in output.shape)
        for output in session.get_outputs()
    }
