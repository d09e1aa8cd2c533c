"""Networks that edgecls did not make: the softmax of the mean of each channel, as other tools write it."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgecls.export.tflite_metadata import (
    AssociatedFile,
    AssociatedFileType,
    ColorSpaceType,
    Content,
    ContentProperties,
    FeatureProperties,
    ImageProperties,
    ImageSize,
    ModelMetadata,
    NormalizationOptions,
    ProcessUnit,
    ProcessUnitOptions,
    Stats,
    SubGraphMetadata,
    TensorMetadata,
    to_flatbuffer,
)

Steps = Sequence[tuple[str, Sequence[float]]]
"""Operators with a constant, such as ("MUL", [1 / 255])."""
_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "uint8": schema.TensorType.UINT8,
    "int8": schema.TensorType.INT8,
}
_OPTIONS = {
    "MEAN": (schema.BuiltinOptions.ReducerOptions, schema.ReducerOptionsT),
    "SOFTMAX": (schema.BuiltinOptions.SoftmaxOptions, schema.SoftmaxOptionsT),
    "MUL": (schema.BuiltinOptions.MulOptions, schema.MulOptionsT),
    "ADD": (schema.BuiltinOptions.AddOptions, schema.AddOptionsT),
    "SUB": (schema.BuiltinOptions.SubOptions, schema.SubOptionsT),
    "DIV": (schema.BuiltinOptions.DivOptions, schema.DivOptionsT),
}


def expected(network_input: np.ndarray) -> np.ndarray:
    """What each of these networks gives for float (H, W, 3): (3,)."""
    powers = np.exp(network_input.astype(np.float64).mean((0, 1)))
    return powers / powers.sum()


class _Graph:
    """A TFLite graph in the making."""

    def __init__(self) -> None:
        self.model: Any = schema.ModelT()
        self.model.version, self.model.description = 3, "a stranger"
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.graph: Any = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, name: str, dtype: Any, shape: Sequence[int], values: np.ndarray | None = None) -> int:
        tensor: Any = schema.TensorT()
        tensor.name, tensor.type, tensor.shape, tensor.buffer = name, dtype, list(shape), 0
        if values is not None:
            buffer: Any = schema.BufferT()
            buffer.data = list(values.tobytes())
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, kind: str, inputs: Sequence[int], output: int) -> int:
        code: Any = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
        code.version = 1
        self.model.operatorCodes.append(code)
        operator: Any = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs, operator.outputs = list(inputs), [output]
        if kind in _OPTIONS:
            operator.builtinOptionsType, made = _OPTIONS[kind]
            operator.builtinOptions = made()
            if kind == "SOFTMAX":
                operator.builtinOptions.beta = 1.0
        self.graph.operators.append(operator)
        return output


def tflite_network(
    dtype: str = "float32",
    *,
    shape: tuple[int, int, int, int] = (1, 8, 8, 3),
    quantised: tuple[float, int] | None = None,
    steps: Steps = (),
    metadata: bytes | None = None,
    files: dict[str, str] | None = None,
) -> bytes:
    """Returns a `.tflite`.

    Args:
        dtype: of its input.
        shape: of its input.
        quantised: scale and zero point of its input, or of what float numbers are quantised to first.
        steps: what it does first.
        metadata: see `metadata`.
        files: in the zip behind it.
    """
    graph, real = _Graph(), schema.TensorType.FLOAT32
    at = graph.tensor("picture", _TYPES[dtype], shape)
    graph.graph.inputs = [at]
    if quantised and dtype == "float32":
        at = graph.operator("QUANTIZE", [at], graph.tensor("q", schema.TensorType.INT8, shape))
    if quantised:
        given: Any = schema.QuantizationParametersT()
        given.scale, given.zeroPoint = [quantised[0]], [quantised[1]]
        graph.graph.tensors[at].quantization = given
        at = graph.operator("DEQUANTIZE", [at], graph.tensor("real", real, shape))
    elif dtype != "float32":
        at = graph.operator("CAST", [at], graph.tensor("real", real, shape))
    for number, (kind, values) in enumerate(steps):
        constant = graph.tensor(f"constant{number}", real, [len(values)], np.array(values, np.float32))
        at = graph.operator(kind, [at, constant], graph.tensor(f"step{number}", real, shape))
    axes = graph.tensor("axes", schema.TensorType.INT32, [2], np.array([1, 2], np.int32))
    at = graph.operator("MEAN", [at, axes], graph.tensor("mean", real, [1, shape[3]]))
    graph.graph.outputs = [graph.operator("SOFTMAX", [at], graph.tensor("scores", real, [1, shape[3]]))]
    if metadata is not None:
        buffer: Any = schema.BufferT()
        buffer.data = list(metadata)
        graph.model.metadata = [schema.MetadataT("TFLITE_METADATA", len(graph.model.buffers))]
        graph.model.buffers.append(buffer)
    builder = flatbuffers.Builder(4096)
    builder.Finish(graph.model.Pack(builder), b"TFL3")
    file = io.BytesIO(bytes(builder.Output()))
    if files:
        with zipfile.ZipFile(file, "a") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    return file.getvalue()


def metadata(
    mean: tuple[float, ...] | None = None, std: tuple[float, ...] = (1.0,), label_file: str = ""
) -> bytes:
    """Returns standard metadata: how pixels are normalised, and the name of a label file."""
    picture = Content(
        ContentProperties.IMAGE_PROPERTIES, ImageProperties(ColorSpaceType.RGB, ImageSize(8, 8))
    )
    scores = Content(ContentProperties.FEATURE_PROPERTIES, FeatureProperties())
    steps = None
    if mean is not None:
        options = NormalizationOptions(mean, std)
        steps = (ProcessUnit(ProcessUnitOptions.NORMALIZATION_OPTIONS, options),)
    stats = Stats((1.0,), (0.0,))
    files = (AssociatedFile(label_file, "labels", AssociatedFileType.TENSOR_AXIS_LABELS),)
    given = TensorMetadata("picture", "", None, picture, steps, stats, None)
    gives = TensorMetadata("scores", "", None, scores, None, stats, files if label_file else None)
    graph = SubGraphMetadata(None, None, (given,), (gives,))
    return to_flatbuffer(ModelMetadata("m", "", None, (graph,), None, None, None, "1.0.0"))


def onnx_network(
    dtype: str = "float32", *, quantised: tuple[float, int] | None = None, steps: Steps = ()
) -> bytes:
    """Returns an `.onnx` for pictures [1, 3, 8, 8]; see `tflite_network`."""
    from onnx import TensorProto, helper, numpy_helper

    types = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8, "int8": TensorProto.INT8}
    integers = np.int8 if dtype != "uint8" else np.uint8
    nodes: list[Any] = []
    constants: dict[str, np.ndarray] = {}
    at = "picture"
    if quantised:
        constants |= {"scale": np.float32(quantised[0]), "zero": integers(quantised[1])}  # pyright: ignore[reportAssignmentType]
        if dtype == "float32":
            nodes.append(helper.make_node("QuantizeLinear", [at, "scale", "zero"], ["q"]))
            at = "q"
        nodes.append(helper.make_node("DequantizeLinear", [at, "scale", "zero"], ["real"]))
        at = "real"
    elif dtype != "float32":
        nodes.append(helper.make_node("Cast", [at], ["real"], to=TensorProto.FLOAT))
        at = "real"
    for number, (kind, values) in enumerate(steps):
        constants[f"c{number}"] = np.array(values, np.float32).reshape(-1, 1, 1)
        nodes.append(helper.make_node(kind.capitalize(), [at, f"c{number}"], [f"step{number}"]))
        at = f"step{number}"
    nodes += [
        helper.make_node("ReduceMean", [at], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Softmax", ["mean"], ["scores"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("picture", types[dtype], [1, 3, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
