"""What a TFLite FlatBuffer says of its operators and of the ranges that calibration found."""

import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from ..data.backend import mlir_quantize, tf
from ..edge_runtime.errors import BadModel
from ..edge_runtime.workers import native_stderr_held
from .calibration import Range
from .layer_names import Operator, ended_names, plain_name

_WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
_KINDS = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}


def operators(network: bytes) -> list[Operator]:
    """The operators of a network's main graph; the node's name is that of its first output."""
    model: Any = schema.Model.GetRootAs(network)
    graph = model.Subgraphs(0)
    return [_operator(model, graph.Operators(index)) for index in range(graph.OperatorsLength())]


def calibrated_ranges(network: bytes) -> dict[str, Range]:
    """The range of each tensor that has one, by the tensor's name."""
    return {
        _name(tensor): (
            float(tensor.Quantization().MinAsNumpy()[0]),
            float(tensor.Quantization().MaxAsNumpy()[0]),
        )
        for tensor in _ranged(network)
    }


def with_ranges(network: bytes, ranges: Mapping[str, Range]) -> bytes:
    """A copy of a calibrated network with other ranges for the tensors named."""
    changed = bytearray(network)
    for tensor in _ranged(changed):
        if (range_ := ranges.get(_name(tensor))) is not None:
            # These are views of the buffer itself, so that nothing has to be packed anew.
            tensor.Quantization().MinAsNumpy()[0], tensor.Quantization().MaxAsNumpy()[0] = range_
    return bytes(changed)


def input_name(network: bytes) -> str:
    """The name of the only input."""
    graph: Any = schema.Model.GetRootAs(network).Subgraphs(0)
    return _name(graph.Tensors(graph.Inputs(0)))


def activations(network: bytes, inputs: Iterable[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """The values of a float network's calibrated tensors, for one float32 [1, H, W, 3] at a time."""
    interpreter: Any = Interpreter(
        model_content=network,
        experimental_preserve_all_tensors=True,
        # A delegate keeps its tensors to itself.
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    index_of = {entry["name"]: entry["index"] for entry in interpreter.get_tensor_details()}
    names = calibrated_ranges(network)
    for pixels in inputs:
        interpreter.set_tensor(index_of[input_name(network)], pixels)
        interpreter.invoke()
        yield {name: interpreter.get_tensor(index_of[name]) for name in names}


def with_short_names(network: bytes) -> bytes:
    """Calls each inner tensor by the last layer that was fused into it alone: saves 2 % of a small file."""
    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network))
    for graph in model.subgraphs:
        for index, tensor in enumerate(graph.tensors):
            if index not in graph.inputs and index not in graph.outputs:
                tensor.name = plain_name(tensor.name.decode().partition(";")[0])
    builder = flatbuffers.Builder(len(network))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _operator(model: Any, entry: Any) -> Operator:
    graph = model.Subgraphs(0)
    kind = _KINDS.get(model.OperatorCodes(entry.OpcodeIndex()).BuiltinCode(), "CUSTOM")
    constants = [index for index in entry.InputsAsNumpy()[1:] if index >= 0]  # -1: one that is left out
    named = [_name(graph.Tensors(index)) for index in (entry.Outputs(0), *constants)]
    names = tuple(plain_name(part) for name in named for part in name.split(";") if part)
    return Operator(named[0], kind, kind in _WEIGHTED, names)


def _ranged(network: bytes | bytearray) -> Iterator[Any]:
    graph: Any = schema.Model.GetRootAs(network).Subgraphs(0)
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        if tensor.Quantization() is not None and tensor.Quantization().MinLength() == 1:
            yield tensor


def _name(tensor: Any) -> str:
    return tensor.Name().decode()


# TensorFlow's converter to TFLite, quiet, and with errors that say what to do.


def to_tflite(contract: Any, options: Callable[[Any], None] = lambda _: None) -> bytes:
    """Converts a network that `contract.py` wrapped; `options` sets the converter up.

    Raises:
        BadModel: TFLite lacks an operator.
    """

    def convert() -> bytes:
        converter = tf.lite.TFLiteConverter.from_keras_model(contract)
        options(converter)
        return converter.convert()

    with ended_names(contract):
        return _quietly(convert)


def quantised(calibrated: bytes, takes: Any, gives: Any, float_nodes: list[str]) -> bytes:
    """Makes integers of a calibrated float network, but for the nodes named; errors as `to_tflite`.

    Args:
        calibrated: a FlatBuffer with ranges.
        takes: the dtype of the input, as TensorFlow has it.
        gives: the dtype of the output.
        float_nodes: the names of the nodes' first outputs.
    """
    return _quietly(
        lambda: mlir_quantize(
            calibrated, input_data_type=takes, output_data_type=gives, denylisted_nodes=float_nodes
        )
    )


def _quietly(work: Callable[[], Any]) -> bytes:
    try:
        # It reports its passes at length on both, and expects statistics that calibration gives only later.
        with native_stderr_held(), redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
            return work()
    except Exception as error:  # the converter raises whatever MLIR reports
        reason = " ".join(str(error).split())[:200]
        raise BadModel(f"TFLite cannot express this network: {reason}; use the .onnx file") from error
