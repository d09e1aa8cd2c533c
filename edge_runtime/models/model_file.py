"""A model file of any format: what it is, whether it is whole, and the card inside it."""

import hashlib
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from ..errors import BadModel, Unavailable
from ..files import read_whole
from .card import ModelCard
from .protobuf import field, fields

# A file that holds its own SHA-256, so that a flipped bit or a cut is seen before any parser looks.
#
# The seal is `edgecls-sha256:` and 64 hexadecimal digits, over every byte before and behind it. Each format
# has a harmless place for it: TFLite the gap between the FlatBuffer and the zip appended to it, ONNX the
# value
# of a metadata entry at its end, HDF5 bytes after the end of its address space.

_SEAL_PREFIX = b"edgecls-sha256:"
SEAL_BYTES = len(_SEAL_PREFIX) + 64


def seal_of(content: bytes) -> bytes:
    """The 79 bytes that seal `content`, to be put into it where its format has room."""
    return _SEAL_PREFIX + hashlib.sha256(content).hexdigest().encode()


def check_seal(content: bytes) -> Literal["holds", "broken", "none"]:
    """Whether a whole file's bytes match the seal that they hold.

    A seal whose prefix itself was damaged reads as "none"; the card beside it then tells that one is missing.
    """
    start = content.rfind(_SEAL_PREFIX)
    if start < 0:
        return "none"
    end = start + SEAL_BYTES
    return "holds" if seal_of(content[:start] + content[end:]) == content[start:end] else "broken"


# The card in an `.h5`: an attribute of the root group, beside Keras's. Needs h5py, so not for a device.

CARD_ATTRIBUTE = "edgecls_card"


def attach_to_h5(path: Path, card: ModelCard) -> None:
    """Writes the card into an `.h5` that Keras has saved, and seals it.

    The caller gives the temporary file of `whole_file`: this changes it in place.
    """
    h5py = load_h5py()
    with h5py.File(path, "r+") as file:
        file.attrs[CARD_ATTRIBUTE] = card.to_json()
    content = path.read_bytes()
    with path.open("ab") as file:  # HDF5 ignores bytes after its end of address space
        file.write(seal_of(content))


def find_h5_card(content: bytes) -> bytes | None:
    """The card's JSON from an `.h5`'s bytes, or None where there is none.

    Raises:
        ValueError: not a readable HDF5 file.
    """
    try:
        with load_h5py().File(io.BytesIO(content), "r") as file:
            text = file.attrs.get(CARD_ATTRIBUTE)
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"not a readable HDF5 file: {error}") from error
    return text.encode() if isinstance(text, str) else text


def load_h5py():
    """h5py, imported here and not at the top: edge_runtime must import without it."""
    try:
        import h5py  # noqa: PLC0415
    except ImportError as error:
        raise Unavailable('reading an .h5 needs h5py; run `pip install "edgecls[train]"`') from error
    return h5py


# The card in an `.onnx`: an entry of the model's `metadata_props`.
#
# Protocol buffers join the fields of concatenated messages, so the card is written by appending one entry,
# and
# read by walking the top level: neither needs the onnx package, which a device does not have.
# Field numbers are onnx.proto's: ModelProto.metadata_props = 14; StringStringEntryProto key = 1, value = 2.

CARD_KEY = "edgecls-card"
SEAL_KEY = "edgecls-seal"
_METADATA_PROPS, _KEY, _VALUE = 14, 1, 2


def attach_to_onnx(network: bytes, card: ModelCard) -> bytes:
    """The bytes of a sealed `.onnx` with its card; `network` is the bare ModelProto."""
    content = network + _entry(CARD_KEY, card.to_json().encode()) + _entry(SEAL_KEY, bytes(SEAL_BYTES))
    content = content[:-SEAL_BYTES]
    return content + seal_of(content)


def find_onnx_card(content: bytes) -> bytes | None:
    """The card's JSON from an `.onnx`'s bytes, or None where there is none.

    Raises:
        ValueError: the bytes are not a whole protocol buffer.
    """
    for number, value in fields(content):
        if number == _METADATA_PROPS:
            entry = dict(fields(value))
            if entry.get(_KEY) == CARD_KEY.encode():
                return entry.get(_VALUE)
    return None


def _entry(key: str, value: bytes) -> bytes:
    return field(_METADATA_PROPS, field(_KEY, key.encode()) + field(_VALUE, value))


# How large a whole file says it is, so that a truncated copy can name what it lacks.
#
# Room for the number is left near the file's start, and filled when everything behind it is there.

_SIZE_PREFIX = b"edgecls-bytes:"
_DIGITS = 12
_START_BYTES = 1 << 16
SIZE_PLACE = _SIZE_PREFIX + b"0" * _DIGITS
"""Room for the size, of fixed width: filling it moves nothing."""


def with_stated_size(content: bytes, size_bytes: int) -> bytes:
    """`content` with `size_bytes` written into its `SIZE_PLACE`; unchanged where it has none."""
    return content.replace(SIZE_PLACE, _SIZE_PREFIX + b"%0*d" % (_DIGITS, size_bytes), 1)


def stated_size(content: bytes) -> int | None:
    """The whole file's size in bytes as its start states it, or None where it states none."""
    stated = re.compile(_SIZE_PREFIX + rb"(\d{%d})" % _DIGITS).search(content, 0, _START_BYTES)
    return int(stated[1]) or None if stated else None


# The card in a `.tflite`: an associated file, in a zip appended to the FlatBuffer.
#
# That is how TFLite's own metadata format stores such files, so zip tools and phones read them too, and the
# standard library does on the device.

CARD_NAME = "edgecls-card.json"
LABELS_NAME = "labels.txt"
_LARGEST_CARD_BYTES = 16_000_000  # a zip bomb is a few kilobytes that become gigabytes
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),  # damaged
    *(KeyError, ValueError, NotImplementedError, RuntimeError),  # without a card; of another kind; encrypted
)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's first date: the same card gives the same bytes


def attach_to_tflite(network: bytes, card: ModelCard) -> bytes:
    """The bytes of a sealed `.tflite` with its card; `network` is the bare FlatBuffer."""
    file = io.BytesIO(network + bytes(SEAL_BYTES))  # Android's zip reader allows no comment to hold the seal
    with zipfile.ZipFile(file, "a") as archive:
        for name, text in {CARD_NAME: card.to_json(), LABELS_NAME: "\n".join(card.labels) + "\n"}.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, on every system
            archive.writestr(entry, text.encode())
    content = file.getvalue()
    content = with_stated_size(content, len(content))
    flatbuffer, archived = content[: len(network)], content[len(network) + SEAL_BYTES :]
    return flatbuffer + seal_of(flatbuffer + archived) + archived


def find_tflite_card(content: bytes) -> bytes | None:
    """The card's JSON from a `.tflite`'s bytes, or None where there is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(CARD_NAME).file_size > _LARGEST_CARD_BYTES:
                return None
            return archive.read(CARD_NAME)
    except _UNREADABLE:
        return None


_FIND_CARD = {"h5": find_h5_card, "tflite": find_tflite_card, "onnx": find_onnx_card}
_NAMES = {"h5": "an HDF5", "tflite": "a TFLite", "onnx": "an ONNX"}
_MARKS = (CARD_ATTRIBUTE, CARD_NAME, CARD_KEY, "edgecls-sha256:")
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
    """The card of a file that edgecls wrote; None for a foreign file, which no parser has seen then.

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
        text = _FIND_CARD[format_](content)
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
