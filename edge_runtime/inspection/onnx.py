"""ONNX: the facts of an `.onnx`, read from the file itself; onnxruntime only infers shapes for the MACs."""

from collections import Counter
from math import prod

from ..errors import EdgeclsError
from ..models.protobuf import field
from .facts import NetworkFacts, OperatorFacts, Shape
from .onnx_content import OnnxContent, OnnxNode, OnnxTensor, read_onnx
from .onnx_ends import dtype_name, ends_in, input_facts, output_facts

_NOT_WEIGHTS = frozenset(["int64", "string", "bool"])  # shapes, axes and masks

_SCALE_INPUTS = {
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
}
"""Which inputs are scales and zero points."""


def read_network(content: bytes, name: str) -> NetworkFacts:
    """Reads the facts of an `.onnx`.

    Raises:
        BadModel: damaged, or with external data.
    """
    model = read_onnx(content, name)
    shapes, unknown = _inferred(model, content, name)
    macs, unknown = count_macs(model, shapes, unknown)
    opsets = ", ".join(f"{domain or 'opset'} {version}" for domain, version in sorted(model.opsets.items()))
    made_with = filter(None, (f"IR {model.ir_version}", opsets, model.producer))
    return NetworkFacts(
        made_with=", ".join(made_with),
        inputs=tuple(input_facts(value, model) for value in model.inputs),
        outputs=tuple(output_facts(value, model) for value in model.outputs),
        operators=_operators(model),
        parameters=_parameters(model),
        macs=macs,
        macs_unknown=unknown,
        ends_in=ends_in(model),
        tensor_bytes=_tensor_bytes(shapes),
    )


def _operators(model: OnnxContent) -> tuple[OperatorFacts, ...]:
    counts = Counter(node.name for node in model.nodes if node.op_type != "Constant")
    return tuple(OperatorFacts(name, count) for name, count in counts.items())


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
    return bool(tensor.shape) and dtype_name(tensor.data_type) not in _NOT_WEIGHTS


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


def count_macs(model: OnnxContent, inferred: dict[str, Shape], unknown: str = "") -> tuple[int | None, str]:
    """Returns the multiply-accumulates for one picture; or None, and why they are unknown.

    Args:
        model: the network.
        inferred: the shapes of its tensors, as `tensor_shapes` gives them.
        unknown: why they could not be inferred.
    """
    for node in model.nodes:
        if not _is_understood(node):
            return None, f"unknown for the operator {node.name}"
    counted = [node for node in model.nodes if node.op_type in _WEIGHT_INPUTS]
    try:
        shapes = {constant: tensor.shape for constant, tensor in model.constants.items()}
        wanted = {tensor for node in counted for tensor in _read_of(node)} - shapes.keys()
        if wanted and unknown:
            return None, unknown
        shapes |= {tensor: _for_one_picture(inferred[tensor]) for tensor in wanted}
        return sum(_node_macs(node, shapes) for node in counted), ""
    except (LookupError, ValueError, ZeroDivisionError):
        return None, "not all shapes are fixed"


def _is_understood(node: OnnxNode) -> bool:
    if node.op_type in _WEIGHT_INPUTS or not node.domain:
        return node.op_type not in _UNCOUNTABLE
    return node.op_type in _WITHOUT_PRODUCTS or node.op_type.startswith("QLinear")


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
_ITEM_BYTES = 4
"""Of nearly all tensors; the type of those inside a graph is not looked up."""


def _inferred(model: OnnxContent, content: bytes, name: str) -> tuple[dict[str, Shape], str]:
    """The shapes of what the network computes, and why they are unknown where they are."""
    inside = {
        output for node in model.nodes if node.op_type != "Constant" for output in node.outputs if output
    }
    inside |= {value.name for value in model.inputs}
    try:
        return tensor_shapes(
            content, sorted(inside.difference(value.name for value in model.outputs)), name
        ), ""
    except EdgeclsError as error:  # onnxruntime is not installed, or older than the file
        return {}, str(error).removeprefix(f"{name}: ").partition(";")[0]


def _tensor_bytes(shapes: dict[str, Shape]) -> int | None:
    if not shapes or any(None in shape[1:] for shape in shapes.values()):
        return None
    return sum(prod(size or 1 for size in shape) * _ITEM_BYTES for shape in shapes.values())


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
