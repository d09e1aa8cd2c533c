"""A model file of any format: what it is, whether it is whole, and the card inside it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from . import card_h5, card_onnx, card_tflite
from .card import ModelCard
from .errors import BadModel
from .files import read_whole
from .seal import check_seal

_CARDS = {"h5": card_h5, "tflite": card_tflite, "onnx": card_onnx}


class ModelFormat(StrEnum):
    """The formats that edgecls writes, by their file suffix."""

    H5 = "h5"
    TFLITE = "tflite"
    ONNX = "onnx"


@dataclass(frozen=True)
class ModelFile:
    """A model file's bytes, proven whole, with its card."""

    path: Path
    format: ModelFormat
    content: bytes
    card: ModelCard

    @property
    def size_bytes(self) -> int:
        """The size of the whole file, card included."""
        return len(self.content)


def read_model(path: str | Path) -> ModelFile:
    """Reads a model file that edgecls wrote, and checks it before any parser sees it.

    Raises:
        MissingInput: no such file.
        BadModel: empty, not a model, damaged, or without a card.
    """
    path = Path(path)
    content = read_whole(path)
    format_ = model_format(content, path.name)
    if check_seal(content) == "broken":
        raise BadModel(f"{path}: does not match its own checksum; copy it again or export it again")
    try:
        text = _CARDS[format_].find_card(content)
    except ValueError as error:
        raise BadModel(f"{path}: {error}; copy it again or export it again") from error
    if text is None:
        raise BadModel(
            f"{path}: carries no model card: cut short, or not made by edgecls; "
            "copy it again, or make one with `edgecls export`"
        )
    if check_seal(content) == "none":
        raise BadModel(f"{path}: was cut short or changed after edgecls wrote it; copy or export it again")
    return ModelFile(path, format_, content, ModelCard.from_json(text, str(path)))


def model_format(content: bytes, name: str) -> ModelFormat:
    """The format by content, not by suffix.

    Raises:
        BadModel: empty, or none of the three; the message shows how it starts.
    """
    if not content:
        raise BadModel(f"{name}: the file is empty; copy it again")
    if content.startswith(b"\x89HDF\r\n\x1a\n"):
        return ModelFormat.H5
    if content[4:8] == b"TFL3":
        return ModelFormat.TFLITE
    if content.startswith(b"\x08") and len(content) > 2 and content[1] < 0x80:  # ModelProto.ir_version
        return ModelFormat.ONNX
    start = content[:8].decode("latin-1")
    if start.isprintable():
        start = f"'{start.split()[0] if start.split() else start}'"
    else:
        start = "the bytes " + content[:8].hex(" ")
    raise BadModel(f"{name}: not a TFLite, ONNX or HDF5 file: it starts with {start}; check what it is")
