"""What an `.h5` or `.keras` file says of its network: the layers as they were saved, and the arrays.

Keras builds nothing here, so that no code of the file can run.
"""

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from math import prod
from typing import Any

from ..errors import BadModel
from .h5_content import read_h5
from .keras_config import class_names

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_TEXT_BYTES = 64 * 2**20
_SPARE_BYTES, _COMPRESSION = 2**20, 4
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
            weights = _member(archive, _WEIGHTS, _SPARE_BYTES + _COMPRESSION * len(content))
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
