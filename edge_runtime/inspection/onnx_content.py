"""ONNX content: the graph of an `.onnx`, read without the onnx package or an engine.

Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from ..errors import BadModel
from ..models.protobuf import fields, varints

_MODEL = {
    "ir_version": 1,
    "producer_name": 2,
    "producer_version": 3,
    "graph": 7,
    "opset_import": 8,
    "training_info": 20,
    "functions": 25,
}
_GRAPH = {"node": 1, "initializer": 5, "input": 11, "output": 12, "sparse_initializer": 15}
_NODE = {"input": 1, "output": 2, "op_type": 4, "attribute": 5, "domain": 7}
_ATTRIBUTE = {"t": 5, "g": 6, "tensors": 10, "graphs": 11, "sparse_tensor": 22, "sparse_tensors": 23}
_TENSOR = {
    "dims": 1,
    "data_type": 2,
    "float_data": 4,
    "int32_data": 5,
    "name": 8,
    "raw_data": 9,
    "external_data": 13,
    "data_location": 14,
}
_VALUES = (4, 5, 6, 7, 9, 10, 11)  # TensorProto: float_data to uint64_data
_MAX_VALUES_PER_BYTE = 8
_EXTERNAL = 1  # TensorProto.DataLocation
_FLOAT, _UINT8, _INT8 = 1, 2, 3  # TensorProto.DataType
_FEW = 4

_Message = dict[int, list[bytes]]
"""The values of each field, by its number."""

_INSIDE = {
    "model": {_MODEL["graph"]: "graph", _MODEL["training_info"]: "training", _MODEL["functions"]: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {
        _GRAPH["node"]: "node",
        _GRAPH["initializer"]: "tensor",
        _GRAPH["sparse_initializer"]: "sparse",
    },
    "node": {_NODE["attribute"]: "attribute"},
    "attribute": {
        _ATTRIBUTE["t"]: "tensor",
        _ATTRIBUTE["tensors"]: "tensor",
        _ATTRIBUTE["g"]: "graph",
        _ATTRIBUTE["graphs"]: "graph",
        _ATTRIBUTE["sparse_tensor"]: "sparse",
        _ATTRIBUTE["sparse_tensors"]: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
}
"""Fields of each message that can hold a tensor, however deep."""


@dataclass(frozen=True)
class OnnxTensor:
    """A constant, without its values."""

    shape: tuple[int, ...]
    data_type: int
    """TensorProto.DataType."""
    single: float | None = None
    """The value of a float32, uint8 or int8 scalar, as scales and zero points are."""
    few: tuple[float, ...] = ()
    """The values of a float32 constant of at most `_FEW`, as means and deviations are."""

    @property
    def elements(self) -> int:
        """Number of values."""
        return prod(self.shape)


@dataclass(frozen=True)
class OnnxValue:
    """A graph's input or output."""

    name: str
    data_type: int
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class OnnxNode:
    """One use of an operator; an omitted input has an empty name."""

    op_type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def name(self) -> str:
        """The operator's name, with its domain where that is not ONNX's own."""
        return f"{self.domain}.{self.op_type}" if self.domain else self.op_type


@dataclass(frozen=True)
class OnnxContent:
    """A model's graph, and the versions that it needs."""

    ir_version: int
    opsets: dict[str, int]
    """By domain; ONNX's own is the empty one."""
    producer: str
    inputs: tuple[OnnxValue, ...]
    outputs: tuple[OnnxValue, ...]
    nodes: tuple[OnnxNode, ...]
    constants: dict[str, OnnxTensor]
    """Initializers, and what Constant nodes hold."""


def refuse_external_data(content: bytes, name: str) -> None:
    """Refuses a model whose weights are in other files, as it could name any file of this machine.

    onnxruntime checks paths, but follows hard links.

    Raises:
        BadModel: it has external data, or is not a whole protocol buffer.
    """
    try:
        external = any(_is_external(tensor) for tensor in _tensors(content, "model"))
    except (ValueError, RecursionError) as error:
        raise _damaged(name, error) from error
    if external:
        raise BadModel(
            f"{name}: external data refused; save it as one file: "
            "`torch.onnx.export(..., external_data=False)`"
        )


def read_onnx(content: bytes, name: str) -> OnnxContent:
    """Reads the graph of an `.onnx`.

    Raises:
        BadModel: damaged, without a graph, or with external data.
    """
    refuse_external_data(content, name)
    try:
        return _content(content)
    except (ValueError, IndexError, KeyError) as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> BadModel:
    return BadModel(f"{name}: not a valid ONNX model: {error}; copy it again")


def _tensors(message: bytes, kind: str) -> Iterator[bytes]:
    if kind == "tensor":
        yield message
        return
    inside = _INSIDE[kind]
    for number, value in fields(message):
        if number in inside:
            yield from _tensors(value, inside[number])


def _is_external(tensor: bytes) -> bool:
    return any(
        number == _TENSOR["external_data"]
        or (number == _TENSOR["data_location"] and _EXTERNAL in varints(value))
        for number, value in fields(tensor)
    )


def _content(content: bytes) -> OnnxContent:
    model = _by_number(content)
    if _MODEL["graph"] not in model:
        raise ValueError("it has no graph")
    graph = _submessage(model, _MODEL["graph"])
    nodes = [_by_number(node) for node in graph.get(_GRAPH["node"], [])]
    constants = dict(_named_tensor(tensor) for tensor in graph.get(_GRAPH["initializer"], []))
    opsets = dict(_opset(_by_number(entry)) for entry in model.get(_MODEL["opset_import"], []))
    if not opsets.keys() >= {_domain(node) for node in nodes}:  # a file that ends before opset_import
        raise ValueError("it has operators without a version")
    return OnnxContent(
        ir_version=_number(model, _MODEL["ir_version"]),
        opsets=opsets,
        producer=_producer(model),
        # Before IR 4, constants were listed among the inputs too.
        inputs=tuple(v for v in map(_value, graph.get(_GRAPH["input"], [])) if v.name not in constants),
        outputs=tuple(map(_value, graph.get(_GRAPH["output"], []))),
        nodes=tuple(map(_node, nodes)),
        constants=constants | dict(_constant_nodes(nodes)),
    )


def _by_number(message: bytes) -> _Message:
    found: _Message = {}
    for number, value in fields(message):
        found.setdefault(number, []).append(value)
    return found


def _text(message: _Message, number: int) -> str:
    return message.get(number, [b""])[-1].decode()


def _number(message: _Message, number: int) -> int:
    return varints(message.get(number, [b"\0"])[-1])[0]


def _producer(model: _Message) -> str:
    version = _text(model, _MODEL["producer_version"]).split()[:1]  # tf2onnx writes `1.17.0 None`
    return " ".join([_text(model, _MODEL["producer_name"]), *version]).strip()


def _opset(entry: _Message) -> tuple[str, int]:
    return _own(_text(entry, 1)), _number(entry, 2)


def _own(domain: str) -> str:
    """Returns a domain's name; ONNX's own domain has two."""
    return "" if domain == "ai.onnx" else domain


def _node(node: _Message) -> OnnxNode:
    return OnnxNode(
        op_type=_text(node, _NODE["op_type"]),
        domain=_domain(node),
        inputs=tuple(value.decode() for value in node.get(_NODE["input"], [])),
        outputs=tuple(value.decode() for value in node.get(_NODE["output"], [])),
    )


def _domain(node: _Message) -> str:
    return _own(_text(node, _NODE["domain"]))


def _named_tensor(message: bytes) -> tuple[str, OnnxTensor]:
    tensor = _by_number(message)
    shape = tuple(size for dims in tensor.get(_TENSOR["dims"], []) for size in varints(dims))
    held_bytes = sum(len(values) for number in _VALUES for values in tensor.get(number, []))
    if any(size < 0 for size in shape) or prod(shape) > _MAX_VALUES_PER_BYTE * held_bytes:
        raise ValueError(f"a tensor of shape {shape} in {held_bytes:,} bytes")
    data_type = _number(tensor, _TENSOR["data_type"])
    single = _single(tensor, data_type) if prod(shape) == 1 else None
    few = _few(tensor) if data_type == _FLOAT and 0 < prod(shape) <= _FEW else ()
    return _text(tensor, _TENSOR["name"]), OnnxTensor(shape, data_type, single, few)


def _single(tensor: _Message, data_type: int) -> float | None:
    raw = b"".join(tensor.get(_TENSOR["raw_data"], []))
    if data_type == _FLOAT:
        return float(np.frombuffer(raw or tensor[_TENSOR["float_data"]][0], "<f4")[0])
    if data_type not in (_UINT8, _INT8):
        return None
    return int.from_bytes(raw, signed=data_type == _INT8) if raw else _number(tensor, _TENSOR["int32_data"])


def _few(tensor: _Message) -> tuple[float, ...]:
    raw = b"".join(tensor.get(_TENSOR["raw_data"], [])) or b"".join(tensor.get(_TENSOR["float_data"], []))
    return tuple(np.frombuffer(raw, "<f4").tolist())


def _constant_nodes(nodes: list[_Message]) -> Iterator[tuple[str, OnnxTensor]]:
    for node in nodes:
        if _text(node, _NODE["op_type"]) != "Constant":
            continue
        for attribute in node.get(_NODE["attribute"], []):
            for tensor in _by_number(attribute).get(_ATTRIBUTE["t"], []):
                yield node[_NODE["output"]][0].decode(), _named_tensor(tensor)[1]


def _value(message: bytes) -> OnnxValue:
    """Reads a ValueInfoProto: name = 1, type = 2; in it tensor_type = 1; in it elem_type = 1, shape = 2."""
    info = _by_number(message)
    tensor = _submessage(_submessage(info, 2), 1)
    shape = None
    if 2 in tensor:
        shape = tuple(_size(_by_number(dim)) for dim in _submessage(tensor, 2).get(1, []))
    return OnnxValue(_text(info, 1), _number(tensor, 1), shape)


def _submessage(message: _Message, number: int) -> _Message:
    return _by_number(b"".join(message.get(number, [])))  # a message may come in parts, to be joined


def _size(dim: _Message) -> int | None:
    """Returns a dimension's size (dim_value = 1); None if it has a name instead, or nothing."""
    return _number(dim, 1) if 1 in dim else None
