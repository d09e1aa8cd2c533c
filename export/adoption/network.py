"""Networks of others, changed as little as adopting takes: one size, one output, the weights inside.

Where nothing has to change, the network stays bit for bit what it was. The sizes and the list of outputs of a
TFLite file are overwritten in place: its tables are not packed again.
"""

import io
import zipfile
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ...edge_runtime.errors import BadModel, Unavailable
from ...edge_runtime.models.model_file import CARD_NAME, LABELS_NAME, ModelFormat

_MOST_BESIDE_BYTES = 1_000_000
"""Of the files behind a TFLite network that are kept, such as MediaPipe's labels."""


def split_tflite(content: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Returns a TFLite file's FlatBuffer, and the files of the zip behind it that are worth keeping."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            start = min((entry.header_offset for entry in archive.infolist()), default=len(content))
            kept: dict[str, bytes] = {}
            if sum(entry.file_size for entry in entries) <= _MOST_BESIDE_BYTES:
                kept = {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError, NotImplementedError):
        return content, {}
    others = {name: text for name, text in kept.items() if name not in (CARD_NAME, LABELS_NAME)}
    return content[:start], others


def with_one_size(network: bytes, format_: ModelFormat, size_px: tuple[int, int], name: str) -> bytes:
    """Returns a network whose input has this size, (height, width), where the file leaves it open.

    Raises:
        BadModel: the file has no place for it.
    """
    if format_ is ModelFormat.TFLITE:
        return _tflite_with_one_size(network, size_px, name)
    model = _onnx_model(network, name)
    constants = {tensor.name for tensor in model.graph.initializer}
    shape = next(each for each in model.graph.input if each.name not in constants).type.tensor_type.shape.dim
    sizes = _sizes([dim.dim_value for dim in shape], size_px)
    if sizes == [dim.dim_value for dim in shape]:
        return network
    for dim, size in zip(shape, sizes, strict=True):
        dim.dim_value = size
    del model.graph.value_info[:]  # shapes that followed from names of sizes
    return bytes(model.SerializeToString())


def _sizes(shape: list[int], size_px: tuple[int, int]) -> list[int]:
    """Returns a picture's shape without sizes that are left open, 0 or -1: [1, H, W, C] or [1, C, H, W]."""
    height_px, width_px = size_px
    is_first = shape[1] in (1, 3) and shape[3] not in (1, 3)
    wanted = [1, shape[1], height_px, width_px] if is_first else [1, height_px, width_px, shape[3]]
    return [size if size > 0 else one for size, one in zip(shape, wanted, strict=True)]


def _tflite_with_one_size(network: bytes, size_px: tuple[int, int], name: str) -> bytes:
    changed = bytearray(network)
    schema = _tflite_schema()
    graph = schema.Model.GetRootAs(changed).Subgraphs(0)
    tensor = graph.Tensors(graph.Inputs(0))
    signature, shape = tensor.ShapeSignatureAsNumpy(), tensor.ShapeAsNumpy()
    if tensor.ShapeSignatureLength() == 0:
        return network
    if tensor.ShapeSignatureLength() != tensor.ShapeLength() or tensor.ShapeLength() != 4:
        raise BadModel(f"{name}: says nothing of its input's sizes; convert it with one size")
    sizes = _sizes([int(size) for size in signature], size_px)
    if sizes == [int(size) for size in signature]:
        return network
    signature[:], shape[:] = sizes, sizes  # views of the buffer itself
    return bytes(changed)


def with_one_output(network: bytes, format_: ModelFormat, number: int, name: str) -> bytes:
    """Returns a network that gives only its output of this number; what leads to the others is not run.

    Raises:
        BadModel: damaged.
    """
    if format_ is ModelFormat.ONNX:
        model = _onnx_model(network, name)
        if len(model.graph.output) == 1:
            return network
        kept = model.graph.output[number]
        others = [each for each in model.graph.output if each.name != kept.name]
        for other in others:
            model.graph.output.remove(other)
        return bytes(model.SerializeToString())
    changed = bytearray(network)
    graph = _tflite_schema().Model.GetRootAs(changed).Subgraphs(0)
    outputs = graph.OutputsAsNumpy()
    if len(outputs) == 1:
        return network
    outputs[0] = outputs[number]
    # A vector begins with its length: 8 is the field `outputs` of a SubGraph in TFLite's schema.
    length_at = graph._tab.Vector(graph._tab.Offset(8)) - 4
    changed[length_at : length_at + 4] = (1).to_bytes(4, "little")
    return bytes(changed)


def is_quantised(network: bytes, format_: ModelFormat, operators: Iterator[str] | tuple[str, ...]) -> bool:
    """Whether a network computes in integers, so that engines may differ by a step of theirs."""
    if format_ is ModelFormat.ONNX:
        return any("Quantize" in operator or operator.startswith("QLinear") for operator in operators)
    model = _tflite_schema().Model.GetRootAs(network)
    graph = model.Subgraphs(0)
    integers = {number for kind, number in vars(_tflite_schema().TensorType).items() if kind in _INTEGERS}
    tensors = (graph.Tensors(index) for index in range(graph.TensorsLength()))
    return any(tensor.Type() in integers and tensor.Quantization() is not None for tensor in tensors)


_INTEGERS = ("INT8", "UINT8", "INT16", "INT4")


def _tflite_schema() -> Any:
    return import_module("ai_edge_litert.schema_py_generated")  # it has no types


def _onnx_model(network: bytes, name: str) -> Any:
    try:
        import onnx  # noqa: PLC0415 - only where a network has to change
    except ImportError as error:
        raise Unavailable(
            f'{name}: changing an ONNX network needs onnx ({error}); run `pip install "edgecls[train]"`'
        ) from error
    try:
        return onnx.load_model_from_string(network)
    except Exception as error:  # protobuf's own
        raise BadModel(f"{name}: not a valid ONNX model: {error}; copy it again") from error
