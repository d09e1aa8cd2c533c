"""How often an ONNX graph multiplies and adds for one picture."""

from math import prod

from ..errors import EdgeclsError
from .inspect_facts import Shape
from .onnx_content import OnnxContent, OnnxNode

_CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "ConvInteger": 1, "QLinearConv": 3, "ConvTranspose": 1}
"""Which input is the kernel: (output channels, input channels, *size), of one group; transposed, swapped."""
_WITH_MATRIX = {"Gemm": 1, "FusedGemm": 1, "QGemm": 3}
"""Which input is the matrix; it may be transposed, as the other may."""
_PRODUCTS = {"MatMul": 1, "MatMulInteger": 1, "QLinearMatMul": 3}
"""Which input is the second factor: (..., K, N)."""
_COUNTED = _CONVOLUTIONS.keys() | _WITH_MATRIX.keys() | _PRODUCTS.keys()
_NOT_COUNTED = frozenset(
    ["LSTM", "GRU", "RNN", "Einsum", "Attention", "DeformConv", "If", "Loop", "Scan", "DFT", "STFT"]
)
"""These multiply too, but how often does not follow from shapes alone."""
_WITHOUT_PRODUCTS = ("Gelu", "FastGelu", "BiasGelu", "QuickGelu", "QuantizeLinear", "DequantizeLinear")
"""Of the operators outside ONNX's own domain; those named QLinear... are not listed."""


def count_macs(model: OnnxContent, content: bytes, name: str) -> tuple[int | None, str]:
    """Multiply-accumulates for one picture, or None and why they are not known."""
    for node in model.nodes:
        if not _is_understood(node):
            return None, f"how often {node.name} multiplies does not follow from shapes"
    counted = [node for node in model.nodes if node.op_type in _COUNTED]
    try:
        shapes = _shapes(model, counted, content, name)
        return sum(_node_macs(node, shapes) for node in counted), ""
    except EdgeclsError as error:  # onnxruntime is not installed, or is older than the file
        return None, str(error).removeprefix(f"{name}: ").partition(";")[0]
    except (LookupError, ValueError, ZeroDivisionError):
        return None, "not every shape is fixed"


def _is_understood(node: OnnxNode) -> bool:
    if node.op_type in _COUNTED or not node.domain:
        return node.op_type not in _NOT_COUNTED
    return node.op_type in _WITHOUT_PRODUCTS or node.op_type.startswith("QLinear")


def _shapes(
    model: OnnxContent, counted: list[OnnxNode], content: bytes, name: str
) -> dict[str, tuple[int, ...]]:
    from .onnx_shapes import tensor_shapes  # noqa: PLC0415 - a device may have LiteRT only

    shapes = {constant: tensor.shape for constant, tensor in model.constants.items()}
    wanted = {tensor for node in counted for tensor in _read_of(node)} - shapes.keys()
    outputs = [value.name for value in model.outputs]
    inferred = tensor_shapes(content, sorted(wanted.difference(outputs)), name) if wanted else {}
    return shapes | {tensor: _for_one_picture(inferred[tensor]) for tensor in wanted}


def _read_of(node: OnnxNode) -> tuple[str, str]:
    """The two tensors whose shapes tell how often a node multiplies."""
    moved = node.inputs[0] if node.op_type == "ConvTranspose" else node.outputs[0]
    return moved, node.inputs[(_CONVOLUTIONS | _WITH_MATRIX | _PRODUCTS)[node.op_type]]


def _node_macs(node: OnnxNode, shapes: dict[str, tuple[int, ...]]) -> int:
    moved, weights = (shapes[tensor] for tensor in _read_of(node))
    if node.op_type in _CONVOLUTIONS:
        return prod(moved) * prod(weights[1:])
    if node.op_type in _WITH_MATRIX:
        return prod(moved) * prod(weights) // moved[-1]
    return prod(moved) * weights[-2 if len(weights) > 1 else 0]


def _for_one_picture(shape: Shape) -> tuple[int, ...]:
    """A size that is not fixed must be the batch's, which comes first."""
    sizes = (1 if index == 0 and size is None else size for index, size in enumerate(shape))
    return tuple(_fixed(size) for size in sizes)


def _fixed(size: int | None) -> int:
    if size is None:
        raise ValueError("a size that is not fixed")
    return size
