"""Standard TFLite metadata, which MediaPipe, Android's Task library and Netron read from a model.

The metadata is a FlatBuffer of its own, in a buffer of the model that an entry named TFLITE_METADATA points
to. It has no labels: it names the file with them, in the zip that `model_file.attach_to_tflite` appends.

The classes below are the tables of TFLite's metadata_schema.fbs that a classifier needs. Names and order are
those of the schema (tensorflow/tflite-support, google-ai-edge/mediapipe): a field's position is its number.
Fields after the last one used are left out. The schema's own classes come only with tflite-support, which is
no longer maintained, and with MediaPipe, which brings another OpenCV.
"""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from ..edge_runtime.images.rule import Channels
from ..edge_runtime.models.card import ModelCard
from ..edge_runtime.models.model_file import LABELS_NAME
from ..edge_runtime.models.seal import SIZE_PLACE


class AssociatedFileType(IntEnum):
    """The content of a file beside the model."""

    TENSOR_AXIS_LABELS = 2


class ColorSpaceType(IntEnum):
    """The channels of a picture; blue first has no number."""

    UNKNOWN = 0
    RGB = 1
    GRAYSCALE = 2


_COLOURS: dict[Channels, ColorSpaceType] = {
    "rgb": ColorSpaceType.RGB,
    "bgr": ColorSpaceType.UNKNOWN,
    "grey": ColorSpaceType.GRAYSCALE,
}
_SPELT: dict[Channels, str] = {"rgb": "RGB", "bgr": "BGR", "grey": "grey"}


class ContentProperties(IntEnum):
    """A union's type: which table its value is."""

    FEATURE_PROPERTIES = 1
    IMAGE_PROPERTIES = 2


class ProcessUnitOptions(IntEnum):
    """A union's type: which table its value is."""

    NORMALIZATION_OPTIONS = 1


@dataclass(frozen=True)
class AssociatedFile:
    """A file in the zip behind the model."""

    name: str
    description: str
    type: AssociatedFileType


@dataclass(frozen=True)
class FeatureProperties:
    """A tensor of plain numbers."""


@dataclass(frozen=True)
class ImageSize:
    """In pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class ImageProperties:
    """A tensor that is a picture."""

    color_space: ColorSpaceType
    default_size: ImageSize


@dataclass(frozen=True)
class Content:
    """The content of a tensor."""

    content_properties_type: ContentProperties
    content_properties: ImageProperties | FeatureProperties


@dataclass(frozen=True)
class NormalizationOptions:
    """(pixel - mean) / std, one for all channels or one for each."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class ProcessUnit:
    """A step of preprocessing outside the graph."""

    options_type: ProcessUnitOptions
    options: NormalizationOptions


@dataclass(frozen=True)
class Stats:
    """The range of a tensor's values."""

    max: tuple[float, ...]
    min: tuple[float, ...]


@dataclass(frozen=True)
class TensorMetadata:
    """An input or an output."""

    name: str
    description: str
    dimension_names: None
    content: Content
    process_units: tuple[ProcessUnit, ...] | None
    stats: Stats
    associated_files: tuple[AssociatedFile, ...] | None


@dataclass(frozen=True)
class SubGraphMetadata:
    """The graph; models for devices have one."""

    name: None
    description: None
    input_tensor_metadata: tuple[TensorMetadata, ...]
    output_tensor_metadata: tuple[TensorMetadata, ...]


@dataclass(frozen=True)
class ModelMetadata:
    """The root table."""

    name: str
    description: str
    version: None
    subgraph_metadata: tuple[SubGraphMetadata, ...]
    author: None
    license: None
    associated_files: None
    min_parser_version: str


def with_metadata(flatbuffer: bytes, card: ModelCard) -> bytes:
    """Adds the metadata, and a place for the size of the whole file, to a converted model's FlatBuffer.

    Uses the card's labels, input size, scale and offset. The network and existing entries
    (`min_runtime_version`) stay bit for bit the same.
    """
    # LiteRT's object API writes the converter's bytes exactly, because the converter ends with this same
    # pass.
    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(flatbuffer))
    _add_buffer(model, "TFLITE_METADATA", to_flatbuffer(_describe(model.subgraphs[0], card)))
    _add_buffer(model, "edgecls-size", SIZE_PLACE)
    builder = flatbuffers.Builder(len(flatbuffer))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def to_flatbuffer(metadata: ModelMetadata) -> bytes:
    """Returns the metadata as a FlatBuffer, the same bytes for the same values."""
    builder = flatbuffers.Builder()
    builder.Finish(_write(builder, metadata), b"M001")
    return bytes(builder.Output())


def _add_buffer(model: Any, name: str, content: bytes) -> None:
    model.metadata = [*(model.metadata or ()), schema.MetadataT(name, len(model.buffers))]
    model.buffers.append(schema.BufferT(content))


def _describe(graph: Any, card: ModelCard) -> ModelMetadata:
    return ModelMetadata(
        name="Image classifier",
        description=f"Says which of {len(card.labels)} classes a picture shows. Made by edgecls.",
        version=None,
        subgraph_metadata=(
            SubGraphMetadata(
                name=None,
                description=None,
                input_tensor_metadata=(_input(graph.tensors[graph.inputs[0]], card),),
                output_tensor_metadata=(_output(card),),
            ),
        ),
        author=None,
        license=None,
        associated_files=None,
        min_parser_version="1.0.0",  # the first one: every field used here was in it
    )


def _input(tensor: Any, card: ModelCard) -> TensorMetadata:
    width_px, height_px = card.image.width_px, card.image.height_px
    mean, std = _normalisation(tensor, card)
    real = tensor.type == schema.TensorType.FLOAT32
    low, high = ((0 - mean) / std, (255 - mean) / std) if real else (0.0, 255.0)
    return TensorMetadata(
        name="image",
        description=f"The picture, {_SPELT[card.image.channels]}, {width_px} x {height_px} pixels.",
        dimension_names=None,
        content=Content(
            ContentProperties.IMAGE_PROPERTIES,
            ImageProperties(_COLOURS[card.image.channels], ImageSize(width_px, height_px)),
        ),
        process_units=(
            ProcessUnit(ProcessUnitOptions.NORMALIZATION_OPTIONS, NormalizationOptions((mean,), (std,))),
        ),
        stats=Stats(max=(high,), min=(low,)),
        associated_files=None,
    )


def _normalisation(tensor: Any, card: ModelCard) -> tuple[float, float]:
    """Returns the (mean, std) that turn pixels of 0 to 255 into the real numbers of the input.

    By the schema, a quantised model has those of its float model: code that prepares pictures by them, such
    as Android Studio generates, then quantises by the tensor's scale. MediaPipe passes uint8 on unchanged.
    Only an integer input without a scale stands for the pixels themselves.
    """
    quantised = tensor.quantization is not None and tensor.quantization.scale is not None
    if quantised or tensor.type == schema.TensorType.FLOAT32:
        scale, offset = card.one_scaling
        return (0 - offset) / scale, 1 / scale
    return 0.0, 1.0


def _output(card: ModelCard) -> TensorMetadata:
    return TensorMetadata(
        name="probability",
        description="The probability of each class: " + ", ".join(card.labels),  # Netron reads no label file
        dimension_names=None,
        content=Content(ContentProperties.FEATURE_PROPERTIES, FeatureProperties()),
        process_units=None,
        stats=Stats(max=(1.0,), min=(0.0,)),
        associated_files=(
            AssociatedFile(LABELS_NAME, "The classes, one a line.", AssociatedFileType.TENSOR_AXIS_LABELS),
        ),
    )


def _write(builder: flatbuffers.Builder, value: Any) -> int:
    """Writes a string, a vector or a table after all that it refers to; returns its offset."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, tuple):
        return _write_vector(builder, value)
    inline = [getattr(value, field.name) for field in fields(value)]
    offsets = [0 if item is None or isinstance(item, int) else _write(builder, item) for item in inline]
    builder.StartObject(len(inline))
    for number, (item, offset) in enumerate(zip(inline, offsets, strict=True)):
        if isinstance(item, IntEnum):
            builder.PrependUint8Slot(number, item, 0)
        elif isinstance(item, int):
            builder.PrependUint32Slot(number, item, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(number, offset, 0)
    return builder.EndObject()


def _write_vector(builder: flatbuffers.Builder, items: tuple[Any, ...]) -> int:
    """Writes a vector of floats or of tables; returns its offset. FlatBuffers grow towards their start."""
    numbers = isinstance(items[0], float)
    entries = items if numbers else [_write(builder, item) for item in items]
    builder.StartVector(4, len(items), 4)
    for entry in reversed(entries):
        (builder.PrependFloat32 if numbers else builder.PrependUOffsetTRelative)(entry)
    return builder.EndVector()
