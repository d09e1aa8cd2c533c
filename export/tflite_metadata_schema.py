"""The tables of TFLite's metadata_schema.fbs that a classifier needs, and how they become a FlatBuffer.

Names and order are those of the schema (tensorflow/tflite-support, google-ai-edge/mediapipe): a field's place
is its number. Fields behind the last one used are left out. The schema's own classes come only with
tflite-support, which is no longer kept up, and with MediaPipe, which brings another OpenCV.
"""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import flatbuffers


class AssociatedFileType(IntEnum):
    """What a file beside the model holds."""

    TENSOR_AXIS_LABELS = 2


class ColorSpaceType(IntEnum):
    """The channels of a picture."""

    RGB = 1


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
    """Plain numbers."""


@dataclass(frozen=True)
class ImageSize:
    """In pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class ImageProperties:
    """A picture."""

    color_space: ColorSpaceType
    default_size: ImageSize


@dataclass(frozen=True)
class Content:
    """What a tensor holds."""

    content_properties_type: ContentProperties
    content_properties: ImageProperties | FeatureProperties


@dataclass(frozen=True)
class NormalizationOptions:
    """(pixel - mean) / std, one for all channels or one for each."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class ProcessUnit:
    """A step outside of the graph."""

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
    """The root."""

    name: str
    description: str
    version: None
    subgraph_metadata: tuple[SubGraphMetadata, ...]
    author: None
    license: None
    associated_files: None
    min_parser_version: str


def to_flatbuffer(metadata: ModelMetadata) -> bytes:
    """The metadata as a FlatBuffer of its own, the same bytes for the same values."""
    builder = flatbuffers.Builder()
    builder.Finish(_write(builder, metadata), b"M001")
    return bytes(builder.Output())


def _write(builder: flatbuffers.Builder, value: Any) -> int:
    """Writes a string, a vector or a table; returns its offset. What a table refers to comes before it."""
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
    """Writes a vector of floats or of tables; FlatBuffers grow towards their start."""
    numbers = isinstance(items[0], float)
    entries = items if numbers else [_write(builder, item) for item in items]
    builder.StartVector(4, len(items), 4)
    for entry in reversed(entries):
        (builder.PrependFloat32 if numbers else builder.PrependUOffsetTRelative)(entry)
    return builder.EndVector()
