"""What a TFLite FlatBuffer says of its operators and of the ranges that calibration found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from .ranges import Range

_WEIGHTED = {
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
    schema.BuiltinOperator.TRANSPOSE_CONV,
}


@dataclass(frozen=True)
class Operator:
    """One operator, in the order of execution."""

    node: str
    """What the converter calls it: the name of its first output."""
    kind: str
    """Such as `CONV_2D`."""
    weighted: bool
    names: tuple[str, ...]
    """Of everything that was fused into it, and of its constants."""


def operators(network: bytes) -> list[Operator]:
    """The operators of a network's main graph."""
    model: Any = schema.Model.GetRootAs(network)
    graph = model.Subgraphs(0)
    kinds = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}
    found = []
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        tensors = [operator.Outputs(0), *operator.InputsAsNumpy()]
        names = [graph.Tensors(tensor).Name().decode() for tensor in tensors if tensor >= 0]
        code = model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        constants = names[2:]  # behind the first input
        parts = tuple(part for name in (names[0], *constants) for part in name.split(";"))
        found.append(Operator(names[0], kinds.get(code, "CUSTOM"), code in _WEIGHTED, parts))
    return found


def calibrated_ranges(network: bytes) -> dict[str, Range]:
    """The range of each tensor that has one, by the tensor's name."""
    return {
        tensor.Name().decode(): (
            float(tensor.Quantization().MinAsNumpy()[0]),
            float(tensor.Quantization().MaxAsNumpy()[0]),
        )
        for tensor in _ranged(network)
    }


def with_ranges(network: bytes, ranges: Mapping[str, Range]) -> bytes:
    """A copy of a calibrated network with other ranges for the tensors named."""
    changed = bytearray(network)
    for tensor in _ranged(changed):
        if (name := tensor.Name().decode()) in ranges:
            # A view of the buffer itself: nothing has to be packed anew.
            (tensor.Quantization().MinAsNumpy()[0], tensor.Quantization().MaxAsNumpy()[0]) = ranges[name]
    return bytes(changed)


def ends(network: bytes) -> tuple[str, str]:
    """The names of the only input and the only output."""
    graph: Any = schema.Model.GetRootAs(network).Subgraphs(0)
    return graph.Tensors(graph.Inputs(0)).Name().decode(), graph.Tensors(graph.Outputs(0)).Name().decode()


def activations(network: bytes, inputs: Iterator[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """The values of each tensor of a float network that has a range, for one float32 [1, H, W, 3] at a time."""
    interpreter: Any = Interpreter(
        model_content=network,
        experimental_preserve_all_tensors=True,
        # A delegate keeps its tensors to itself.
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    names = calibrated_ranges(network)
    wanted = {entry["name"]: entry["index"] for entry in interpreter.get_tensor_details()}
    entry = interpreter.get_input_details()[0]["index"]
    for pixels in inputs:
        interpreter.set_tensor(entry, pixels)
        interpreter.invoke()
        yield {name: interpreter.get_tensor(wanted[name]) for name in names}


def _ranged(network: bytes | bytearray) -> Iterator[Any]:
    graph: Any = schema.Model.GetRootAs(network).Subgraphs(0)
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        if tensor.Quantization() is not None and tensor.Quantization().MinLength() == 1:
            yield tensor
