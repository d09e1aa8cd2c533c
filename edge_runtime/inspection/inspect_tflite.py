"""What is known of a `.tflite`, read from the file itself."""

from collections import Counter
from math import isqrt, prod

from .inspect_facts import NetworkFacts, OperatorFacts, TensorFacts
from .tflite_content import TfliteContent, TfliteOperator, TfliteTensor, read_tflite

_RECURRENT = ("LSTM", "RNN", "SVDF")
_NOT_COUNTED = ("CALL", "CALL_ONCE", "CONV_3D_TRANSPOSE", "IF", "RFFT2D", "WHILE")
"""These multiply too, but how often does not follow from shapes alone."""


def read_network(content: bytes, name: str) -> NetworkFacts:
    """Reads the facts of a `.tflite`.

    Raises:
        BadModel: damaged, cut short, or with its weights in other files.
        Unavailable: LiteRT is not installed.
    """
    model = read_tflite(content, name)
    operators = [operator for graph in model.graphs for operator in graph.operators]
    macs, unknown = count_macs(operators)
    return NetworkFacts(
        made_with=", ".join(filter(None, (f"schema {model.version}", model.description))),
        inputs=tuple(map(_facts, model.graphs[0].inputs)),
        outputs=tuple(map(_facts, model.graphs[0].outputs)),
        operators=tuple(OperatorFacts(*item) for item in Counter(op.name for op in operators).items()),
        parameters=_parameters(model),
        macs=macs,
        macs_unknown=unknown,
    )


def _facts(tensor: TfliteTensor) -> TensorFacts:
    if len(tensor.scales) != 1:
        return TensorFacts(tensor.name, tensor.dtype, tensor.signature)
    zero_point = tensor.zero_points[0] if tensor.zero_points else 0
    return TensorFacts(tensor.name, tensor.dtype, tensor.signature, tensor.scales[0], zero_point)


def _parameters(model: TfliteContent) -> int:
    weights = {  # by buffer: tensors may share one
        tensor.buffer: prod(tensor.shape)
        for graph in model.graphs
        for tensor in graph.tensors
        if tensor.is_constant and _is_weight(tensor)
    }
    return sum(weights.values())


def _is_weight(tensor: TfliteTensor) -> bool:
    """Integers without a scale are shapes and axes; a number that stands alone is a step of arithmetic."""
    return bool(tensor.shape) and (bool(tensor.scales) or "float" in tensor.dtype)


def count_macs(operators: list[TfliteOperator]) -> tuple[int | None, str]:
    """Multiply-accumulates for one picture, or None and why they are not known."""
    total = 0
    for operator in operators:
        if not _is_understood(operator.name):
            return None, f"how often {operator.name} multiplies does not follow from shapes"
        if operator.name in _MACS:
            if any(tensor and None in tensor.signature[1:] for tensor in operator.inputs + operator.outputs):
                return None, "not every shape is fixed"
            try:
                total += _MACS[operator.name](operator)
            except LookupError:
                return None, f"the inputs of {operator.name} are not as they should be"
    return total, ""


def _is_understood(operator: str) -> bool:
    is_foreign = operator.startswith(("CUSTOM ", "STABLEHLO_"))
    return not is_foreign and operator not in _NOT_COUNTED and not operator.endswith(_RECURRENT)


def _of_convolution(operator: TfliteOperator) -> int:
    """The kernel is (output channels, height, width, input channels of a group)."""
    return prod(operator.outputs[0].shape) * prod(_weights(operator)[1:])


def _of_depthwise_convolution(operator: TfliteOperator) -> int:
    """The kernel is (1, height, width, output channels)."""
    return prod(operator.outputs[0].shape) * prod(_weights(operator)[:-1])


def _of_transposed_convolution(operator: TfliteOperator) -> int:
    """The kernel is (output channels, height, width, input channels); the picture is the third input."""
    return prod(_shape(operator, 2)) * prod(_weights(operator)[:-1])


def _of_fully_connected(operator: TfliteOperator) -> int:
    """The weights are (outputs, inputs)."""
    return prod(operator.outputs[0].shape) * _weights(operator)[-1]


def _of_matrices(operator: TfliteOperator) -> int:
    """Either factor may be transposed, so that the inner size K is found from (M K) (K N) / (M N)."""
    first, second, out = _shape(operator, 0)[-2:], _weights(operator)[-2:], operator.outputs[0].shape
    return prod(out) * isqrt(prod(first) * prod(second) // max(1, prod(out[-2:])))


_MACS = {
    "BATCH_MATMUL": _of_matrices,
    "CONV_2D": _of_convolution,
    "CONV_3D": _of_depthwise_convolution,  # (depth, height, width, input channels, output channels)
    "DEPTHWISE_CONV_2D": _of_depthwise_convolution,
    "FULLY_CONNECTED": _of_fully_connected,
    "TRANSPOSE_CONV": _of_transposed_convolution,
}


def _weights(operator: TfliteOperator) -> tuple[int, ...]:
    return _shape(operator, 1)


def _shape(operator: TfliteOperator, index: int) -> tuple[int, ...]:
    tensor = operator.inputs[index]
    return tensor.shape if tensor else ()
