"""What an `.h5` or `.keras` file holds, read without Keras, and what must hold before Keras may open it."""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from ..edge_runtime.errors import BadModel
from .hdf5 import read_h5

ALLOWED_LAYERS = frozenset(
    [
        "Activation",
        "Add",
        "Average",
        "AveragePooling2D",
        "BatchNormalization",
        "Concatenate",
        "Conv2D",
        "Conv2DTranspose",
        "Cropping2D",
        "Dense",
        "DepthwiseConv2D",
        "Dropout",
        "Flatten",
        "Functional",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "InputLayer",
        "LayerNormalization",
        "LeakyReLU",
        "MaxPooling2D",
        "Maximum",
        "Multiply",
        "Normalization",
        "PReLU",
        "Permute",
        "ReLU",
        "Rescaling",
        "Reshape",
        "SeparableConv2D",
        "Sequential",
        "Softmax",
        "SpatialDropout2D",
        "Subtract",
        "UpSampling2D",
        "ZeroPadding2D",
    ]
)
"""Layers that only compute. A Lambda layer, or a class from another package, can run any code when loaded."""
INSPECTED_LAYERS = ALLOWED_LAYERS | frozenset(
    [
        "ActivityRegularization",
        "AlphaDropout",
        "AveragePooling1D",
        "AveragePooling3D",
        "CenterCrop",
        "Conv1D",
        "Conv1DTranspose",
        "Conv3D",
        "Conv3DTranspose",
        "Cropping1D",
        "DepthwiseConv1D",
        "ELU",
        "Embedding",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling3D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling3D",
        "GroupNormalization",
        "Identity",
        "MaxPooling1D",
        "MaxPooling3D",
        "Minimum",
        "RandomBrightness",
        "RandomContrast",
        "RandomFlip",
        "RandomRotation",
        "RandomTranslation",
        "RandomZoom",
        "RepeatVector",
        "Resizing",
        "SeparableConv1D",
        "SpatialDropout1D",
        "SpatialDropout3D",
        "UnitNormalization",
        "UpSampling1D",
        "UpSampling3D",
        "ZeroPadding1D",
    ]
)
"""Those that `edgecls inspect` lets Keras build as well: they only compute, but are not exported."""
_LARGEST_OPTION = 2**28
"""Of a layer's options, such as its units: one layer would take a gigabyte for one picture."""


def check_content(content: bytes, name: str) -> "KerasContent":
    """What must hold before Keras looks at a file that nobody has vouched for.

    Raises:
        BadModel: it cannot be read; or holds a Lambda layer, or a layer that would take all memory.
        Unavailable: h5py is not installed.
    """
    model = read_keras(content, name)
    for layer, options in _options(model.config):
        largest = max(_numbers(options), default=0)
        if largest > _LARGEST_OPTION:
            raise BadModel(
                f"{name}: refused: a layer {layer} asks for {largest:,}, at most {_LARGEST_OPTION:,} is "
                "allowed; save it again with Keras"
            )
    return model


def refuse_code(content: bytes, name: str) -> None:
    """`computing_content`, for a child process, which cannot answer with it."""
    computing_content(content, name)


def computing_content(content: bytes, name: str) -> "KerasContent":
    """What must hold before Keras builds a file's layers: `check_content`, and layers that only compute.

    Raises:
        BadModel: as `check_content`, or it holds a layer outside `ALLOWED_LAYERS`; `name` is the file's.
        Unavailable: h5py is not installed.
    """
    model = check_content(content, name)
    for layer in unknown_classes(model.config):
        raise BadModel(f"{name}: refused: layer {layer} is not on the list of layers that only compute")
    return model


def unknown_classes(config: "Described", known: frozenset[str] = ALLOWED_LAYERS) -> "Iterator[str]":
    """Layers that are not `known`, and whatever would be imported from another package than Keras."""
    try:
        yield from sorted({kind for kind in _kinds(config) if kind not in known})
    except MISFITS:
        yield "of an unusual description"
    waiting: list[Any] = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            module = item.get("module")
            if module and str(module).partition(".")[0] not in ("keras", "builtins"):
                yield f"{module}.{item.get('class_name')}"
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _kinds(model: "Described") -> "Iterator[str]":
    """The classes of all layers, under the names that classes of other packages were registered by."""
    for layer in layers_of(model):
        kind = layer.get("registered_name") or layer["class_name"]
        if kind in MODELS:
            yield from _kinds(layer)
        yield kind if kind != "Model" else "Functional"


# The description of the layers, as versions 1, 2 and 3 of Keras write it.

Described = dict[str, Any]
"""A layer or model: its `class_name`, and in `config` its options."""

MODELS = ("Sequential", "Functional", "Model")
MISFITS = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What a description raises that is not as Keras writes it."""


def class_names(description: Any) -> Iterator[str]:
    """The class of everything that would be built, at any depth: layers, initializers, functions."""
    waiting = [description]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str):
                yield item["class_name"]
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def computing_layers(model: Described) -> Iterator[str]:
    """The classes of the layers that compute, those of models inside the model included."""
    for layer in layers_of(model):
        if layer["class_name"] in MODELS:
            yield from computing_layers(layer)
        elif layer["class_name"] != "InputLayer":
            yield layer["class_name"]


def layers_of(model: Described) -> list[Described]:
    """A model's layers; Keras 1 and the first of Keras 2 saved a sequence as a mere list."""
    inner = model["config"]
    return inner if isinstance(inner, list) else inner["layers"]


def name_of(layer: Described) -> str:
    """A layer's name, unique in its model."""
    return layer.get("name") or layer["config"]["name"]


def dtype_of(layer: Described) -> str:
    """A layer's own; Keras 3 saves a policy, such as `mixed_float16`, in its place."""
    dtype = layer["config"].get("dtype") or "float32"
    name = dtype["config"]["name"] if isinstance(dtype, dict) else dtype
    return str(name).removeprefix("mixed_")


def _options(description: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The class and the options of everything that would be built, at any depth."""
    waiting = [description]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str) and isinstance(item.get("config"), dict):
                yield item["class_name"], item["config"]
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _numbers(options: dict[str, Any]) -> Iterator[int]:
    """The whole numbers among the values, lists of them included."""
    waiting = list(options.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, int):
            yield value


# The file as a whole. Keras builds nothing here, so that no code of the file can run.

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_TEXT_BYTES = 64 * 2**20
_PACKED_SPARE_BYTES, _PACKED_COMPRESSION = 2**20, 4
"""The weights may unpack to so much, and so many times the file's size; Keras itself packs nothing."""
_NOT_THE_NETWORKS = ("optimizer", "metrics", "compile_metrics")
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),  # damaged
    *(LookupError, ValueError, RuntimeError),  # without a part; with numbers that make no sense; encrypted
)
_CODE = frozenset(["Lambda", "__lambda__"])
_H5_WEIGHTS = "/model_weights/"


@dataclass(frozen=True)
class KerasContent:
    """A network as Keras saved it."""

    keras_version: str
    config: dict[str, Any]
    """As Keras wrote it: `class_name`, and in `config` the layers."""
    parameters: int
    """Numbers in the network's arrays, without the optimizer's."""


def read_keras(content: bytes, name: str) -> KerasContent:
    """Reads an `.h5` or `.keras` file; which it is shows in its first bytes.

    Raises:
        BadModel: damaged, not a Keras model, with a Lambda layer, or as `read_h5`.
        Unavailable: h5py is not installed.
    """
    is_zip = content.startswith(b"PK\x03\x04")
    keras = _from_zip(content, name) if is_zip else _from_h5(content, name)
    if not _CODE.isdisjoint(class_names(keras.config)):
        raise BadModel(f"{name}: refused: a Lambda layer can run code; replace it by a Keras layer")
    return keras


def _from_h5(content: bytes, name: str) -> KerasContent:
    file = read_h5(content, name)
    if "model_config" not in file.texts:
        raise BadModel(f"{name}: an HDF5 file without a Keras model; save the whole model")
    sizes = [prod(shape) for path, shape in file.arrays.items() if path.startswith(_H5_WEIGHTS)]
    config = _parsed(file.texts["model_config"], name)
    return KerasContent(file.texts.get("keras_version", "1"), config, sum(sizes))


def _from_zip(content: bytes, name: str) -> KerasContent:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if _CONFIG not in archive.namelist():
                raise BadModel(f"{name}: a zip file without a Keras model; name a .keras file, or unpack it")
            config, metadata = (_member(archive, part, _TEXT_BYTES) for part in (_CONFIG, _METADATA))
            weights = _member(archive, _WEIGHTS, _PACKED_SPARE_BYTES + _PACKED_COMPRESSION * len(content))
    except _UNREADABLE as error:
        raise BadModel(f"{name}: not a whole .keras file: {error}; copy it again") from error
    arrays = read_h5(weights, name).arrays
    sizes = [prod(shape) for path, shape in arrays.items() if _is_the_networks(path)]
    return KerasContent(
        str(_parsed(metadata, name).get("keras_version", "")), _parsed(config, name), sum(sizes)
    )


def _member(archive: zipfile.ZipFile, part: str, limit_bytes: int) -> bytes:
    """A part of the zip; one that unpacks to more than it should is a bomb, whatever its header says."""
    with archive.open(part) as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise ValueError(f"{part} unpacks to more than {limit_bytes:,} bytes")
    return content


def _is_the_networks(path: str) -> bool:
    """Whether an array of a `.keras` file belongs to the network; a Dropout's random seed does not."""
    parts = path.strip("/").split("/")
    return parts[0] not in _NOT_THE_NETWORKS and "seed_generator" not in parts


def _parsed(text: str | bytes, name: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadModel(f"{name}: its description of the layers is damaged: {error}; copy it again") from error
    if not isinstance(values, dict):
        raise BadModel(f"{name}: its description of the layers is damaged; copy it again")
    return values


# The inputs and outputs as the description names them, for a network that Keras may not or cannot build.

End = tuple[str, str, tuple[int | None, ...] | None]
"""A layer's name, its dtype, and its shape with the batch; None where the description does not tell."""


def saved_ends(model: Described) -> tuple[list[End], list[End]]:
    """The inputs and outputs; none where the description is unusual."""
    try:
        sources, results = _end_layers(model)
        return (
            [(name_of(layer), dtype_of(layer), _saved_shape(layer, model)) for layer in sources],
            [(name_of(layer), dtype_of(layer), None) for layer in results],
        )
    except MISFITS:
        return [], []


def _end_layers(model: Described) -> tuple[list[Described], list[Described]]:
    layers = layers_of(model)
    if model["class_name"] == "Sequential":
        return layers[:1], layers[-1:]
    named = {name_of(layer): layer for layer in layers}
    ends = (tensors_of(model["config"][key]) for key in ("input_layers", "output_layers"))
    sources, results = ([named[layer] for layer in end] for end in ends)
    return sources, results


def _saved_shape(layer: Described, model: Described) -> tuple[int | None, ...] | None:
    """What a first layer takes, with the batch: its own option, or what the model was built with."""
    options, whole = layer["config"], model["config"]
    built = whole.get("build_input_shape") if isinstance(whole, dict) else None
    shape = options.get("batch_shape") or options.get("batch_input_shape") or built
    return tuple(shape) if shape else None


def tensors_of(value: Any) -> Iterator[str]:
    """The layers whose tensors a saved list of inputs or outputs names, in order.

    Keras 2 wrote `["conv", 0, 0, {}]`, Keras 3 may put `["conv", 0, 0]` into a description of the tensor.
    """
    match value:
        case [str(layer), int(), int(), *_]:
            yield layer
        case {"config": {"keras_history": history}}:
            yield from tensors_of(history)
        case list():
            for item in value:
                yield from tensors_of(item)
        case dict():
            for item in value.values():
                yield from tensors_of(item)
