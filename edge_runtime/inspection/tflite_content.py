"""What a `.tflite` says of itself, read through the schema that LiteRT brings: no interpreter runs.

The interpreter tells tensors, but operators only by private names, and it has to build the network first.
"""

import io
import struct
import zipfile
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..errors import BadModel, Unavailable

try:
    from ai_edge_litert import schema_py_generated as schema
except ImportError as error:
    raise Unavailable(
        f"reading a .tflite needs LiteRT ({error}); run `pip install ai-edge-litert`, or use the .onnx file"
    ) from error

_DTYPES = {value: name.lower() for name, value in vars(schema.TensorType).items() if name.isupper()}
_OPERATORS = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}

_MOST_IN_A_BYTE = 8
_ZIP = b"PK\x03\x04"
_ZIP_HEADER_BYTES = 64


@dataclass(frozen=True)
class TfliteTensor:
    """A tensor of a graph."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    """With 1 for a size that is chosen at run time."""
    signature: tuple[int | None, ...]
    """With None for it."""
    scales: tuple[float, ...]
    """One for each channel, one for all, or none."""
    zero_points: tuple[int, ...]
    buffer: int
    is_constant: bool


@dataclass(frozen=True)
class TfliteOperator:
    """One use of an operator; an input that is left out is None."""

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
    """A model; its first graph is the one that is run."""

    version: int
    description: str
    graphs: tuple[TfliteGraph, ...]


def read_tflite(content: bytes, name: str) -> TfliteContent:
    """Reads the graphs of a `.tflite`.

    Raises:
        BadModel: damaged, cut short, or with its weights in other files.
    """
    try:
        if _is_cut_zip(content):
            raise ValueError("cut short behind the network")
        model = schema.Model.GetRootAs(content)
        held = [_held_bytes(model.Buffers(i), len(content)) for i in range(model.BuffersLength())]
        codes = [_operator_name(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
        graphs = tuple(_graph(model.Subgraphs(i), held, codes) for i in range(model.SubgraphsLength()))
        if not graphs:
            raise ValueError("it has no graph")
        return TfliteContent(model.Version(), _text(model.Description()), graphs)
    # What flatbuffers raises for a place outside the file, and what follows from numbers that make no sense.
    except (struct.error, LookupError, ValueError, TypeError, OverflowError) as error:
        raise BadModel(f"{name}: not a whole TFLite model: {error}; copy it again") from error


def _is_cut_zip(content: bytes) -> bool:
    """Whether the zip of associated files has only begun; nothing in the FlatBuffer tells of it."""
    return _ZIP in content[-_ZIP_HEADER_BYTES:] and not zipfile.is_zipfile(io.BytesIO(content))


def _graph(graph: Any, held_bytes: list[int], codes: list[str]) -> TfliteGraph:
    tensors = tuple(_tensor(graph.Tensors(i), held_bytes) for i in range(graph.TensorsLength()))

    def chosen(numbers: Any) -> tuple[TfliteTensor | None, ...]:
        return tuple(None if number < 0 else tensors[number] for number in _numbers(numbers))

    operators = (graph.Operators(i) for i in range(graph.OperatorsLength()))
    return TfliteGraph(
        tensors,
        inputs=_all_there(chosen(graph.InputsAsNumpy())),
        outputs=_all_there(chosen(graph.OutputsAsNumpy())),
        operators=tuple(
            TfliteOperator(
                codes[operator.OpcodeIndex()],
                chosen(operator.InputsAsNumpy()),
                _all_there(chosen(operator.OutputsAsNumpy())),
            )
            for operator in operators
        ),
    )


def _tensor(tensor: Any, held_bytes: list[int]) -> TfliteTensor:
    # LiteRT 2.1 knew no external buffers.
    if getattr(tensor, "ExternalBuffer", int)():
        raise ValueError("external data refused")
    shape = tuple(_numbers(tensor.ShapeAsNumpy()))
    held = held_bytes[tensor.Buffer()]
    is_lie = held and not tensor.Sparsity() and prod(shape) > _MOST_IN_A_BYTE * held
    if any(size < 0 for size in shape) or is_lie:
        raise ValueError(f"a tensor of shape {shape} in {held:,} bytes")
    signature = tuple(_numbers(tensor.ShapeSignatureAsNumpy())) or shape
    quantised = tensor.Quantization()
    return TfliteTensor(
        name=_text(tensor.Name()),
        dtype=_DTYPES[tensor.Type()],
        shape=shape,
        signature=tuple(None if size < 0 else size for size in signature),
        scales=tuple(_numbers(quantised.ScaleAsNumpy())) if quantised else (),
        zero_points=tuple(_numbers(quantised.ZeroPointAsNumpy())) if quantised else (),
        buffer=tensor.Buffer(),
        is_constant=held > 0,
    )


def _held_bytes(buffer: Any, size_bytes: int) -> int:
    """The size of a buffer, all of it inside the file; a large one stands behind the FlatBuffer."""
    if buffer.Offset() > 1:
        if buffer.Offset() + buffer.Size() > size_bytes:
            raise ValueError(f"cut short: a buffer ends at {buffer.Offset() + buffer.Size():,}")
        return buffer.Size()
    data = buffer.DataAsNumpy()  # this fails where they leave the file; it copies nothing
    return data.size if isinstance(data, np.ndarray) else 0


def _operator_name(code: Any) -> str:
    # The deprecated field is a byte, which became too small; old files have it alone.
    name = _OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    return f"CUSTOM {_text(code.CustomCode())}" if name == "CUSTOM" else name


def _all_there(tensors: tuple[TfliteTensor | None, ...]) -> tuple[TfliteTensor, ...]:
    there = tuple(tensor for tensor in tensors if tensor)
    if len(there) < len(tensors):
        raise ValueError("an input or output that is missing")
    return there


def _numbers(vector: Any) -> Any:
    """A vector's numbers; flatbuffers gives 0 for one that the file leaves out."""
    return vector.tolist() if isinstance(vector, np.ndarray) else []


def _text(value: bytes | None) -> str:
    return (value or b"").decode()
