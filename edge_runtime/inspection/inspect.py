"""Inspection: the facts of a model file of any format, made by edgecls or foreign."""

from importlib import import_module
from pathlib import Path
from typing import Any

from ..files import MODEL_BYTES, read_whole
from ..models.builtin import builtin_name
from ..models.external_data import with_external_data
from ..models.model_file import HDF5_TIME_S, ModelFormat, content_sha256, model_format, read_card
from ..models.other_formats import refuse_other_format
from ..models.passed import has_passed, remember
from ..models.signature import signer, standing
from ..workers import TRIAL_TIME_S, ask_worker
from .facts import ModelFacts, NetworkFacts

_KERAS = "keras"
_WORKSTATION = f"{__name__.partition('.')[0]}.data"
"""The package that uses h5py and Keras, which a device lacks; loaded by name only for a Keras file."""
KERAS_MEMORY_BYTES = 2 * 2**30
"""Memory for Keras in the child process; TensorFlow takes a quarter of it before it sees a file."""
_ZIP = b"PK\x03\x04"


def inspect_model(path: str | Path) -> ModelFacts:
    """Reads the facts of an `.h5`, `.keras`, `.tflite` or `.onnx`.

    It is read in a child process with limits (`ask_worker`), unless this file has passed that before.

    Raises:
        MissingInput, PermissionRefused: it cannot be read.
        BadModel: not a model, damaged, or refused.
        Unavailable: the package that reads this format is not installed.
    """
    name = str(path)
    content = read_whole(path, MODEL_BYTES)
    format_ = _format(content, name)
    card = read_card(content, format_, name) if isinstance(format_, ModelFormat) else None
    if format_ is ModelFormat.ONNX and not card:
        content = with_external_data(content, Path(path))
    sha256 = content_sha256(content)
    return ModelFacts(
        file=name,
        format=str(format_),
        size_bytes=len(content),
        sha256=sha256,
        seal="holds" if card else "none",
        network=_network(content, Path(path), format_, sha256),
        card=card,
        signed_by=signer(content),
        signature=standing(content),
    )


def _network(content: bytes, path: Path, format_: ModelFormat | str, sha256: str) -> NetworkFacts:
    name = str(path)
    is_exported = format_ in (ModelFormat.TFLITE, ModelFormat.ONNX)
    trial = "inspect" if is_exported else "keras"
    if builtin_name(path) or has_passed(sha256, trial):
        return read_network(content, name)
    if is_exported:
        values = ask_worker(read_as_json, content, name, time_s=TRIAL_TIME_S)
    else:
        ask_worker(refuse_keras, content, name, time_s=HDF5_TIME_S)  # before Keras, in little memory
        values = ask_worker(read_as_json, content, name, memory_bytes=KERAS_MEMORY_BYTES)
    remember(sha256, trial)
    return NetworkFacts.from_json(values)


def read_network(content: bytes, name: str) -> NetworkFacts:
    """Reads the facts of the network in a file; raises as `inspect_model`.

    The reader of a format is imported only for that format: a device may have one engine only.
    """
    format_ = _format(content, name)
    if format_ is ModelFormat.TFLITE:
        from .tflite import read_network as read  # noqa: PLC0415 - a device may lack LiteRT
    elif format_ is ModelFormat.ONNX:
        from .onnx import read_network as read  # noqa: PLC0415 - only for the format at hand
    else:
        read = import_module(f"{_WORKSTATION}.keras_files.facts").read_network
    facts = read(content, name)
    if not isinstance(format_, ModelFormat) or format_ is ModelFormat.H5:
        return facts
    from .stated import with_stated  # noqa: PLC0415 - only for the formats that it reads

    return with_stated(facts, content, format_, name)


def refuse_keras(content: bytes, name: str) -> None:
    """Refuses an `.h5` or `.keras` that Keras must not load: see `check_content` of `data.keras_files`.

    Raises:
        BadModel: damaged, or refused.
        Unavailable: h5py is not installed.
    """
    import_module(f"{_WORKSTATION}.keras_files.content").check_content(content, name)


def read_as_json(content: bytes, name: str) -> dict[str, Any]:
    """Reads the facts of a network as values that JSON can hold, for the answer of a child process."""
    return read_network(content, name).to_json()


def _format(content: bytes, name: str) -> ModelFormat | str:
    """Returns the format by content; a `.keras` file is a zip."""
    if content.startswith(_ZIP):
        refuse_other_format(content, name, takes_keras=True)
        return _KERAS
    return model_format(content, name)
