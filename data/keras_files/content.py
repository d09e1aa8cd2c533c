"""What an `.h5` or `.keras` file holds, read without Keras, and what must hold before Keras may open it."""

import io
import zipfile
import zlib
from dataclasses import dataclass
from math import prod
from typing import Any

from ...edge_runtime.errors import BadModel
from ...edge_runtime.models.model_file import HDF5_TIME_S, content_sha256
from ...edge_runtime.models.passed import has_passed, remember
from ...edge_runtime.schema import parse_json
from ...edge_runtime.workers import ask_worker
from .calls import NotBuilt, check_calls, inputs_of
from .description import (
    MISFITS,
    MODELS,
    class_names,
    computing_layers,
    is_of_keras_1,
    numbers_in,
    options_of,
    refusals,
)
from .hdf5 import read_h5

_PASSED_EARLY, PASSED = "keras-content", "keras"
"""What is remembered of a file that was checked, and built, in a process with limits."""
_LARGEST_OPTION = 2**28
"""Of a layer's options, such as its units: one layer would take a gigabyte for one picture."""


def check_content(content: bytes, name: str) -> "KerasContent":
    """What must hold before Keras looks at a file that nobody has vouched for.

    Raises:
        BadModel: it cannot be read; or holds a Lambda layer, or a layer that would take all memory.
        Unavailable: h5py is not installed.
    """
    model = read_keras(content, name)
    for layer, options in options_of(model.config):
        largest = max(numbers_in(options), default=0)
        if largest > _LARGEST_OPTION:
            raise BadModel(
                f"{name}: refused: a layer {layer} asks for {largest:,}, at most {_LARGEST_OPTION:,} is "
                "allowed; save it again with Keras"
            )
    return model


def refuse_early(content: bytes, name: str) -> None:
    """`computing_content`, in a process with limits and without Keras: most refusals come within a second.

    Raises:
        BadModel, Unavailable: as `computing_content`, and `ask_worker`.
    """
    sha256 = content_sha256(content)
    if not (has_passed(sha256, PASSED) or has_passed(sha256, _PASSED_EARLY)):
        ask_worker(refuse_code, content, name, time_s=HDF5_TIME_S)
        remember(sha256, _PASSED_EARLY)


def refuse_code(content: bytes, name: str) -> None:
    """`computing_content`, for a child process, which cannot answer with it."""
    computing_content(content, name)


def computing_content(content: bytes, name: str) -> "KerasContent":
    """What must hold before Keras builds a file's layers: `check_content`, and layers that only compute.

    Raises:
        BadModel: as `check_content`; it is of a class of its own; or it holds a layer that
            `refusals` finds; `name` is the file's.
        Unavailable: h5py is not installed.
    """
    model = check_content(content, name)
    if why := refusal(model):
        raise BadModel(f"{name}: {why}")
    return model


def refusal(model: "KerasContent") -> str:
    """Why Keras may not build a file's layers, and what to do; empty where it may."""
    kind = model.config.get("class_name")
    if kind not in MODELS:
        return (
            f"refused: it is of a class of its own, {kind}, whose layers are code, not data; "
            "build the same layers with `keras.Sequential` or `keras.Model(inputs, outputs)`, or convert it "
            "where its code is and run the TFLite or ONNX file"
        )
    if model.keras_version.startswith(("0", "1")) and is_of_keras_1(model.config):
        return (
            "was made by Keras 1, whose layers have other options; open it with Keras 2.3 (`load_model`), "
            "save it again, and export that file"
        )
    for layer, reason in refusals(model.config):
        return f"refused: its layer {layer} {reason}"
    try:
        check_calls(model.config, model.keras_major)
        inputs_of(model.config)
    except NotBuilt as error:
        return f"{error}, and save it again"
    except MISFITS:
        return "its layers are joined in an unusual way; save it again"
    return ""


def input_dtype(content: bytes, name: str) -> str:
    """The type of the network's first input as it was saved; it is built for float32.

    Raises:
        BadModel, Unavailable: as `computing_content`.
    """
    return inputs_of(computing_content(content, name).config)[0][2]


_LOOKING = frozenset(
    ["Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense", "Flatten", "MaxPooling2D", "ZeroPadding2D"]
)
"""Layers that look at the picture."""


def scales_pixels(content: bytes, name: str) -> bool:
    """Whether a network may scale its pixels itself: it does not begin by looking at them.

    Args:
        content: of a file that `refuse_early` has let pass.
        name: of the file.

    Raises:
        BadModel, Unavailable: as `computing_content`.
    """
    model = computing_content(content, name).config
    layers = (kind for kind in computing_layers(model) if not kind.startswith("Random"))
    return next(layers, "") not in _LOOKING or "int" in inputs_of(model)[0][2]


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

    @property
    def keras_major(self) -> int:
        """2, also for `tf_keras` and the first version; 3."""
        return 3 if self.keras_version.startswith("3") else 2

    @property
    def way_on(self) -> str:
        """What to do about a file that cannot be built here."""
        if self.keras_major == 3:
            return "convert it where it was made, and run the TFLite or ONNX file"
        return (
            f"convert it with the Keras {self.keras_version} that made it (`tf.lite.TFLiteConverter."
            "from_keras_model`), and run the TFLite file"
        )


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
        values = parse_json(text)
    except ValueError as error:
        raise BadModel(f"{name}: its description of the layers is damaged: {error}; copy it again") from error
    if not isinstance(values, dict):
        raise BadModel(f"{name}: its description of the layers is damaged; copy it again")
    return values
