"""Standard TFLite metadata: what MediaPipe, Android's Task library and Netron know of a model.

It is a FlatBuffer of its own, in a buffer of the model's that an entry named TFLITE_METADATA points to. The
labels are not in it: it names the file that holds them, in the zip that `card_tflite` appends.
"""

from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from ..edge_runtime.card import ModelCard
from ..edge_runtime.card_tflite import LABELS_NAME
from ..edge_runtime.stated_size import SIZE_PLACE
from .tflite_metadata_schema import (
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


def with_metadata(flatbuffer: bytes, card: ModelCard) -> bytes:
    """Adds the metadata, and room for the size of the whole file, to a converted model's FlatBuffer.

    Of the card it takes labels, input size, scale and offset. The network, and the entries that are there
    (`min_runtime_version`), stay bit for bit.
    """
    # LiteRT's object API writes what the converter wrote, to the byte: that ends with this very pass.
    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(flatbuffer))
    _add_buffer(model, "TFLITE_METADATA", to_flatbuffer(_describe(model.subgraphs[0], card)))
    _add_buffer(model, "edgecls-size", SIZE_PLACE)
    builder = flatbuffers.Builder(len(flatbuffer))
    builder.Finish(model.Pack(builder), b"TFL3")
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
        description=f"The picture, RGB, {width_px} x {height_px} pixels.",
        dimension_names=None,
        content=Content(
            ContentProperties.IMAGE_PROPERTIES,
            ImageProperties(ColorSpaceType.RGB, ImageSize(width_px, height_px)),
        ),
        process_units=(
            ProcessUnit(ProcessUnitOptions.NORMALIZATION_OPTIONS, NormalizationOptions((mean,), (std,))),
        ),
        stats=Stats(max=(high,), min=(low,)),
        associated_files=None,
    )


def _normalisation(tensor: Any, card: ModelCard) -> tuple[float, float]:
    """The (mean, std) that turn pixels of 0 to 255 into the real numbers that the input stands for.

    By the schema, a quantised model has those of its float model: whoever prepares pictures by them, as the
    code does that Android Studio generates, quantises afterwards by the tensor's scale. MediaPipe hands uint8
    on as it is. Only an integer input without a scale stands for the pixels themselves.
    """
    quantised = tensor.quantization is not None and tensor.quantization.scale is not None
    if quantised or tensor.type == schema.TensorType.FLOAT32:
        return (0 - card.offset) / card.scale, 1 / card.scale
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
