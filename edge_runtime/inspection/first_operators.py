"""The first operators of a network: what it does to its picture before it looks at it.

A Rescaling or Normalization layer, a division by 255 or a step of quantisation at the start says which pixels
the network takes.
"""

import struct
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import numpy as np

from ..errors import damage_text
from .onnx_content import OnnxContent, OnnxNode

_MOST_STEPS = 16
_PASSING_ON = {
    *("CAST", "DEQUANTIZE", "RESHAPE", "TRANSPOSE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
    *("Cast", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze", "Resize"),
}
_ARITHMETIC = {
    "MUL": "Mul",
    "ADD": "Add",
    "SUB": "Sub",
    "DIV": "Div",
    **{name: name for name in ("Mul", "Add", "Sub", "Div")},
}


@dataclass(frozen=True)
class Quantised:
    """Of a tensor of integers: real = (q - zero_point) * scale."""

    scale: float
    zero_point: int
    dtype: str
    """`uint8` or `int8`."""

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest real value."""
        lowest = -128 if self.dtype == "int8" else 0
        low, high = ((q - self.zero_point) * self.scale for q in (lowest, lowest + 255))
        return low, high


@dataclass(frozen=True)
class Start:
    """What the first operators do with a picture: multiply and add, then perhaps quantise."""

    factor: tuple[float, ...] = (1.0,)
    """For all channels, or for each."""
    added: tuple[float, ...] = (0.0,)
    has_arithmetic: bool = False
    quantised: Quantised | None = None

    def then(self, kind: str, values: tuple[float, ...], *, constant_first: bool) -> "Start | None":
        """Returns the start with one operator more; None where it is no multiplication or addition."""
        number, factor, added = (np.asarray(each, float) for each in (values, self.factor, self.added))
        if kind == "Div" and (constant_first or not number.all()):
            return None
        if constant_first and kind == "Sub":
            factor, added = -factor, number - added
        elif kind in ("Add", "Sub"):
            added = added + (number if kind == "Add" else -number)
        else:
            number = number if kind == "Mul" else 1 / number
            factor, added = factor * number, added * number
        return Start(tuple(np.atleast_1d(factor)), tuple(np.atleast_1d(added)), True)


def onnx_start(model: OnnxContent) -> Start:
    """Returns what the first operators of an ONNX network do with its picture."""
    tensor, start = model.inputs[0].name, Start()
    for _ in range(_MOST_STEPS):
        users = [node for node in model.nodes if tensor in node.inputs]
        if users and all(node.op_type == "QuantizeLinear" for node in users):
            return Start(start.factor, start.added, start.has_arithmetic, _parameters(model, users[0], 1))
        if len(users) != 1:
            break
        (node,) = users
        if node.op_type in _ARITHMETIC:
            place = 1 - node.inputs.index(tensor)
            constant = model.constants.get(node.inputs[place]) if len(node.inputs) == 2 else None
            changed = (
                start.then(node.op_type, constant.few, constant_first=place == 0)
                if constant and len(constant.few) in (1, 3)
                else None
            )
            if changed is None:
                break
            start = changed
        elif node.op_type not in _PASSING_ON or node.inputs[0] != tensor:
            break
        tensor = node.outputs[0]
    return start


_DTYPES = {2: "uint8", 3: "int8"}
"""Of TensorProto.DataType."""


def _parameters(model: OnnxContent, node: OnnxNode, place: int) -> Quantised | None:
    """The scale at an input of a node, and the zero point after it; 0 of uint8 where that is left out."""
    scale = model.constants.get(node.inputs[place]) if len(node.inputs) > place else None
    name = node.inputs[place + 1] if len(node.inputs) > place + 1 else ""
    zero = model.constants.get(name)
    if not scale or not scale.single or scale.single <= 0 or (name and (not zero or zero.single is None)):
        return None
    dtype = _DTYPES.get(zero.data_type) if zero else "uint8"
    return Quantised(scale.single, int(zero.single or 0) if zero else 0, dtype) if dtype else None


def tflite_start(content: bytes) -> Start:
    """Returns what the first operators of a TFLite network do with its picture.

    Raises:
        ValueError: it is damaged.
    """
    try:
        return _tflite_start(content)
    # flatbuffers raises these for an offset outside the file, and gives None or 0 for what is not there.
    except (struct.error, LookupError, TypeError, OverflowError, AttributeError) as error:
        raise ValueError(f"its first operators cannot be read: {damage_text(error)}") from error


def _tflite_start(content: bytes) -> Start:
    schema: Any = import_module("ai_edge_litert.schema_py_generated")  # it has no types
    codes = cast("dict[str, int]", vars(schema.BuiltinOperator))
    names = {number: name for name, number in codes.items() if name.isupper()}
    model = schema.Model.GetRootAs(content)
    graph = model.Subgraphs(0)
    operators = [graph.Operators(index) for index in range(graph.OperatorsLength())]
    tensor, start = int(graph.Inputs(0)), Start()
    for _ in range(_MOST_STEPS):
        users = [one for one in operators if tensor in one.InputsAsNumpy()]
        if len(users) != 1:
            break
        code = model.OperatorCodes(users[0].OpcodeIndex())
        kind = names.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "")
        inputs = users[0].InputsAsNumpy().tolist()
        if kind == "QUANTIZE":
            quantised = _tflite_quantised(schema, graph.Tensors(users[0].Outputs(0)))
            return Start(start.factor, start.added, start.has_arithmetic, quantised)
        if kind in _ARITHMETIC and len(inputs) == 2:
            place = 1 - inputs.index(tensor)
            values = _tflite_few(schema, model, graph.Tensors(inputs[place]))
            changed = start.then(_ARITHMETIC[kind], values, constant_first=place == 0) if values else None
            if changed is None:
                break
            start = changed
        elif kind not in _PASSING_ON or inputs[0] != tensor:
            break
        tensor = int(users[0].Outputs(0))
    return start


def _tflite_few(schema: Any, model: Any, tensor: Any) -> tuple[float, ...]:
    """The values of a float32 constant of one value or three."""
    data = model.Buffers(tensor.Buffer()).DataAsNumpy()
    if tensor.Type() != schema.TensorType.FLOAT32 or isinstance(data, int) or data.size not in (4, 12):
        return ()
    return tuple(np.frombuffer(data.tobytes(), "<f4").tolist())


def _tflite_quantised(schema: Any, tensor: Any) -> Quantised | None:
    dtype = {schema.TensorType.UINT8: "uint8", schema.TensorType.INT8: "int8"}.get(tensor.Type())
    given = tensor.Quantization()
    if not dtype or given is None or given.ScaleLength() != 1 or given.ZeroPointLength() > 1:
        return None
    zero = int(given.ZeroPoint(0)) if given.ZeroPointLength() else 0
    return Quantised(float(given.Scale(0)), zero, dtype)
