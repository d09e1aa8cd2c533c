"""TFLite: the facts of a `.tflite`, read through the schema that comes with LiteRT.

No interpreter runs. It would show tensors, but operators only under private names, and it has to build the
network first.
"""

import io
import struct
import zipfile
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from math import isqrt, prod
from typing import Any

import numpy as np

from ..errors import BadModel, Damage, Unavailable, damage_text
from .facts import NetworkFacts, OperatorFacts, TensorFacts

try:
    schema: Any = import_module("ai_edge_litert.schema_py_generated")  # it has no types
except ImportError as error:
    raise Unavailable(
        f"reading a .tflite needs LiteRT ({error}); run `pip install ai-edge-litert`, or use the .onnx file"
    ) from error


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if name.isupper()}


_DTYPES = {value: name.lower() for value, name in _names(schema.TensorType).items()}
_OPERATORS = _names(schema.BuiltinOperator)
_MAX_VALUES_PER_BYTE = 8
_ITEM_BYTES = {"int8": 1, "uint8": 1, "bool": 1, "float16": 2, "int16": 2, "int64": 8, "float64": 8}
_USUAL_BYTES = 4
_MOST_DIMENSIONS = 8  # that a message shows
_ZIP = b"PK\x03\x04"
_ZIP_HEADER_BYTES = 64


@dataclass(frozen=True)
class TfliteTensor:
    """A tensor of a graph."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    """A size that is chosen at run time is 1 here."""
    signature: tuple[int | None, ...]
    """A size that is chosen at run time is None here."""
    scales: tuple[float, ...]
    """One for each channel, one for all, or none."""
    zero_points: tuple[int, ...]
    buffer: int
    is_constant: bool


@dataclass(frozen=True)
class TfliteOperator:
    """One use of an operator; an omitted input is None."""

    name: str
    inputs: tuple[TfliteTensor | None, ...]
    outputs: tuple[TfliteTensor, ...]


@dataclass(frozen=True)
class TfliteGraph:
    """A graph; a model has more than one when it has branches or loops."""

    tensors: tuple[TfliteTensor, ...]
    inputs: tuple[TfliteTensor, ...]
    outputs: tuple[TfliteTensor, ...]
    operators: tuple[TfliteOperator, ...]


@dataclass(frozen=True)
class TfliteContent:
    """A model; its first graph is the one that runs."""

    version: int
    description: str
    graphs: tuple[TfliteGraph, ...]


def read_tflite(content: bytes, name: str) -> TfliteContent:
    """Reads the graphs of a `.tflite`.

    Raises:
        BadModel: damaged, truncated, or with its weights in other files.
    """
    try:
        if _is_zip_truncated(content):
            raise Damage("truncated behind the network")
        model = schema.Model.GetRootAs(content)
        held = [_held_bytes(model.Buffers(i), len(content)) for i in range(model.BuffersLength())]
        codes = [_operator_name(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
        graphs = tuple(_graph(model.Subgraphs(i), held, codes) for i in range(model.SubgraphsLength()))
        if not graphs:
            raise Damage("it has no graph")
        return TfliteContent(model.Version(), _text(model.Description()), graphs)
    # flatbuffers raises these for an offset outside the file, and nonsense numbers lead to others.
    except (struct.error, LookupError, ValueError, TypeError, OverflowError) as error:
        raise BadModel(f"{name}: not a valid TFLite model: {damage_text(error)}; copy it again") from error


def _is_zip_truncated(content: bytes) -> bool:
    """Whether the zip of associated files is cut off; nothing in the FlatBuffer mentions it."""
    return _ZIP in content[-_ZIP_HEADER_BYTES:] and not zipfile.is_zipfile(io.BytesIO(content))


def _graph(graph: Any, held_bytes: list[int], codes: list[str]) -> TfliteGraph:
    tensors = tuple(_tensor(graph.Tensors(i), held_bytes) for i in range(graph.TensorsLength()))

    def chosen(vector: Any) -> tuple[TfliteTensor | None, ...]:
        numbers: list[int] = _numbers(vector)
        return tuple(None if number < 0 else tensors[number] for number in numbers)

    operators = (graph.Operators(i) for i in range(graph.OperatorsLength()))
    return TfliteGraph(
        tensors,
        inputs=_all_there(chosen(graph.InputsAsNumpy())),
        outputs=_all_there(chosen(graph.OutputsAsNumpy())),
        operators=tuple(
            TfliteOperator(
                codes[int(operator.OpcodeIndex())],
                chosen(operator.InputsAsNumpy()),
                _all_there(chosen(operator.OutputsAsNumpy())),
            )
            for operator in operators
        ),
    )


def _tensor(tensor: Any, held_bytes: list[int]) -> TfliteTensor:
    # LiteRT 2.1 has no external buffers.
    if getattr(tensor, "ExternalBuffer", int)():
        raise Damage("external data refused")
    shape = tuple(_numbers(tensor.ShapeAsNumpy()))
    buffer: int = tensor.Buffer()
    held = held_bytes[buffer]
    is_too_large = held and not tensor.Sparsity() and prod(shape) > _MAX_VALUES_PER_BYTE * held
    if any(size < 0 for size in shape) or is_too_large:
        raise Damage(f"a tensor {_shown(shape)} in {held:,} bytes")
    signature = tuple(_numbers(tensor.ShapeSignatureAsNumpy())) or shape
    quantised = tensor.Quantization()
    return TfliteTensor(
        name=_text(tensor.Name()),
        dtype=_DTYPES[int(tensor.Type())],
        shape=shape,
        signature=tuple(None if size < 0 else size for size in signature),
        scales=tuple(_numbers(quantised.ScaleAsNumpy())) if quantised else (),
        zero_points=tuple(_numbers(quantised.ZeroPointAsNumpy())) if quantised else (),
        buffer=buffer,
        is_constant=held > 0,
    )


def _shown(shape: tuple[int, ...]) -> str:
    return f"of shape {shape}" if len(shape) <= _MOST_DIMENSIONS else f"with {len(shape):,} dimensions"


def _held_bytes(buffer: Any, size_bytes: int) -> int:
    """Returns the size of a buffer, checked to lie inside the file; a large one is behind the FlatBuffer."""
    if buffer.Offset() > 1:
        if buffer.Offset() + buffer.Size() > size_bytes:
            raise Damage(f"truncated: a buffer ends at {buffer.Offset() + buffer.Size():,}")
        return buffer.Size()
    data = buffer.DataAsNumpy()  # it fails for data outside the file, and copies nothing
    return data.size if isinstance(data, np.ndarray) else 0


def _operator_name(code: Any) -> str:
    # The deprecated field is a byte, which became too small; old files have only that one.
    number: int = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _OPERATORS[number]
    return f"CUSTOM {_text(code.CustomCode())}" if name == "CUSTOM" else name


def _all_there(tensors: tuple[TfliteTensor | None, ...]) -> tuple[TfliteTensor, ...]:
    there = tuple(tensor for tensor in tensors if tensor)
    if len(there) < len(tensors):
        raise Damage("an input or output is missing")
    return there


def _numbers(vector: Any) -> Any:
    """Returns a vector's numbers; flatbuffers gives 0 for a vector that the file omits."""
    return vector.tolist() if isinstance(vector, np.ndarray) else []


def _text(value: bytes | None) -> str:
    return (value or b"").decode()


def read_network(content: bytes, name: str) -> NetworkFacts:
    """Reads the facts of a `.tflite`.

    Raises:
        BadModel: damaged, truncated, or with its weights in other files.
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
        ends_in=_ends_in(model.graphs[0]),
        tensor_bytes=_tensor_bytes(model),
    )


_PASSES_ON = frozenset(["RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "CAST", "QUANTIZE", "DEQUANTIZE"])


def _ends_in(graph: TfliteGraph) -> tuple[str, ...]:
    made_by = {id(output): operator for operator in graph.operators for output in operator.outputs}
    names: list[str] = []
    for output in graph.outputs:
        operator, steps = made_by.get(id(output)), 0
        while operator and operator.name in _PASSES_ON and operator.inputs and steps < len(graph.operators):
            operator, steps = made_by.get(id(operator.inputs[0])), steps + 1
        names.append(operator.name if operator else "")
    return tuple(names)


def _tensor_bytes(model: TfliteContent) -> int | None:
    tensors = [tensor for graph in model.graphs for tensor in graph.tensors if not tensor.is_constant]
    if any(None in tensor.signature[1:] for tensor in tensors):
        return None
    return sum(prod(tensor.shape) * _ITEM_BYTES.get(tensor.dtype, _USUAL_BYTES) for tensor in tensors)


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
    """Integers without a scale are shapes and axes; a scalar is part of the arithmetic."""
    return bool(tensor.shape) and (bool(tensor.scales) or "float" in tensor.dtype)


# Multiply-accumulates for one picture, counted from the shapes of tensors.

_RECURRENT = ("LSTM", "RNN", "SVDF")
_UNCOUNTABLE = ("CALL", "CALL_ONCE", "CONV_3D_TRANSPOSE", "IF", "RFFT2D", "WHILE")
"""Operators that multiply too, but how often does not follow from shapes alone."""


def count_macs(operators: list[TfliteOperator]) -> tuple[int | None, str]:
    """Returns the multiply-accumulates for one picture; or None, and why they are unknown."""
    total = 0
    for operator in operators:
        if not _is_understood(operator.name):
            return None, f"unknown for the operator {operator.name}"
        if operator.name in _MACS:
            if any(tensor and None in tensor.signature[1:] for tensor in operator.inputs + operator.outputs):
                return None, "not all shapes are fixed"
            try:
                total += _MACS[operator.name](operator)
            except LookupError:
                return None, f"unexpected inputs of the operator {operator.name}"
    return total, ""


def _is_understood(operator: str) -> bool:
    is_foreign = operator.startswith(("CUSTOM ", "STABLEHLO_"))
    return not is_foreign and operator not in _UNCOUNTABLE and not operator.endswith(_RECURRENT)


def _convolution_macs(operator: TfliteOperator) -> int:
    """The kernel is (output channels, height, width, input channels of a group)."""
    return prod(operator.outputs[0].shape) * prod(_weights(operator)[1:])


def _depthwise_convolution_macs(operator: TfliteOperator) -> int:
    """The kernel is (1, height, width, output channels)."""
    return prod(operator.outputs[0].shape) * prod(_weights(operator)[:-1])


def _transposed_convolution_macs(operator: TfliteOperator) -> int:
    """The kernel is (output channels, height, width, input channels); the picture is the third input."""
    return prod(_shape(operator, 2)) * prod(_weights(operator)[:-1])


def _fully_connected_macs(operator: TfliteOperator) -> int:
    """The weights are (outputs, inputs)."""
    return prod(operator.outputs[0].shape) * _weights(operator)[-1]


def _matrix_product_macs(operator: TfliteOperator) -> int:
    """Either factor may be transposed, so the inner size K is found from (M K) (K N) / (M N)."""
    first, second, out = _shape(operator, 0)[-2:], _weights(operator)[-2:], operator.outputs[0].shape
    return prod(out) * isqrt(prod(first) * prod(second) // max(1, prod(out[-2:])))


_MACS = {
    "BATCH_MATMUL": _matrix_product_macs,
    "CONV_2D": _convolution_macs,
    "CONV_3D": _depthwise_convolution_macs,  # (depth, height, width, input channels, output channels)
    "DEPTHWISE_CONV_2D": _depthwise_convolution_macs,
    "FULLY_CONNECTED": _fully_connected_macs,
    "TRANSPOSE_CONV": _transposed_convolution_macs,
}


def _weights(operator: TfliteOperator) -> tuple[int, ...]:
    return _shape(operator, 1)


def _shape(operator: TfliteOperator, index: int) -> tuple[int, ...]:
    tensor = operator.inputs[index]
    return tensor.shape if tensor else ()
