"""A model file of any format: what it is, whether it is whole, and the card inside it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from . import card_h5, card_onnx, card_tflite
from .card import ModelCard
from .errors import BadModel, Unavailable
from .files import read_whole
from .seal import check_seal
from .stated_size import stated_size

_CARDS = {"h5": card_h5, "tflite": card_tflite, "onnx": card_onnx}
_NAMES = {"h5": "an HDF5", "tflite": "a TFLite", "onnx": "an ONNX"}
_MARKS = (card_h5.ATTRIBUTE, card_tflite.CARD_NAME, card_onnx.CARD_KEY, "edgecls-sha256:")
"""Each stands in a file that edgecls wrote, and still does where its end was cut off."""


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
    format_ = model_format(content, str(path))
    card = own_card(content, format_, str(path))
    if card is None:
        raise BadModel(
            f"{path}: {_NAMES[format_]} file without a model card: cut short, or not made by edgecls; "
            f"copy it again, or make one with `edgecls {'train' if format_ == ModelFormat.H5 else 'export'}`"
        )
    return ModelFile(path, format_, content, card)


def own_card(content: bytes, format_: ModelFormat, name: str) -> ModelCard | None:
    """The card of a file that edgecls wrote; None for a stranger's, which no parser has seen then.

    Raises:
        BadModel: edgecls wrote it, and it was damaged or changed since.
    """
    seal = check_seal(content)
    whole_bytes = stated_size(content)
    if seal != "holds" and whole_bytes is not None and len(content) < whole_bytes:
        raise BadModel(f"{name}: truncated at {len(content):,} of {whole_bytes:,} bytes; copy it again")
    if seal == "broken":
        raise BadModel(f"{name}: does not match its own checksum; copy it again or export it again")
    if seal == "none":
        if any(mark.encode() in content for mark in _MARKS):
            raise BadModel(
                f"{name}: was cut short or changed after edgecls wrote it; copy or export it again"
            )
        return None
    try:
        text = _CARDS[format_].find_card(content)
    except Unavailable as error:
        raise Unavailable(f"{name}: {error}") from error
    except ValueError as error:
        raise BadModel(f"{name}: {error}; copy it again or export it again") from error
    if text is None:
        raise BadModel(f"{name}: is sealed but carries no model card; export it again")
    return ModelCard.from_json(text, name)


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
    words = content[:64].decode("latin-1").split()
    is_text = bool(words) and words[0].isascii() and words[0].isprintable()
    start = f"'{words[0][:16]}'" if is_text else "the bytes " + content[:8].hex(" ")
    raise BadModel(f"{name}: not a TFLite, ONNX or HDF5 file: it starts with {start}; check what it is")
