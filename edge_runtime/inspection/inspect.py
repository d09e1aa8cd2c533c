"""Inspection: the facts of a model file of any format, ours or foreign."""

import hashlib
from pathlib import Path
from typing import Any

from ..files import read_whole
from ..models.model_file import ModelFormat, model_format, read_card
from ..workers import ask_worker
from .facts import ModelFacts, NetworkFacts

_KERAS = "keras"
_ZIP = b"PK\x03\x04"


def inspect_model(path: str | Path) -> ModelFacts:
    """Reads the facts of an `.h5`, `.keras`, `.tflite` or `.onnx`.

    A file that edgecls sealed is read here, any other in a child process with limits: see `ask_worker`.

    Raises:
        MissingInput, PermissionRefused: it cannot be read.
        BadModel: not a model, damaged, or refused.
        Unavailable: the package that reads this format is not installed.
    """
    path = Path(path)
    content = read_whole(path)
    format_ = _format(content, str(path))
    card = read_card(content, format_, str(path)) if isinstance(format_, ModelFormat) else None
    if card:
        network = read_network(content, str(path))
    else:
        network = NetworkFacts.from_json(ask_worker(read_as_json, content, str(path)))
    return ModelFacts(
        file=str(path),
        format=str(format_),
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        seal="holds" if card else "none",
        network=network,
        card=card,
    )


def read_network(content: bytes, name: str) -> NetworkFacts:
    """Reads what a file's format tells of its network; errors as `inspect_model`.

    A format's package is imported only here, in its branch: a device may have one of them only.
    """
    format_ = _format(content, name)
    if format_ is ModelFormat.TFLITE:
        from .tflite import read_network as read  # noqa: PLC0415
    elif format_ is ModelFormat.ONNX:
        from .onnx import read_network as read  # noqa: PLC0415
    else:
        from .keras import read_network as read  # noqa: PLC0415
    return read(content, name)


def read_as_json(content: bytes, name: str) -> dict[str, Any]:
    """`read_network`, in the form that comes through a pipe."""
    return read_network(content, name).to_json()


def _format(content: bytes, name: str) -> ModelFormat | str:
    """By content; a `.keras` file is a zip."""
    return _KERAS if content.startswith(_ZIP) else model_format(content, name)
