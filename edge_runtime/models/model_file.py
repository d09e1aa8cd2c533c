"""Model files: a network in TFLite, ONNX or HDF5, with a model card and a seal inside.

    suffix     card                                    seal
    .tflite    a file in a zip behind the FlatBuffer   in the gap between the FlatBuffer and the zip
    .onnx      an entry of `metadata_props`            the value of another entry, at the end
    .h5        an attribute of the root group          behind the end of HDF5's address space

The seal is a SHA-256 of all other bytes of the file. It is checked before any parser sees the file, so that a
flipped bit or a truncated copy never reaches one. Other tools read these files as if they held neither.
"""

import hashlib
import io
import shlex
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import BadModel, Unavailable
from ..files import MODEL_BYTES, read_whole
from ..workers import ask_worker
from .card import ModelCard
from .h5 import load_h5py, open_h5
from .other_formats import refuse_other_format
from .passed import has_passed, remember
from .protobuf import field, fields
from .seal import (
    SEAL_BYTES,
    SEAL_PLACE,
    check_seal,
    resealed,
    seal_of,
    seal_start,
    stated_size,
    with_stated_size,
    without_stated_size,
)

_NAMES = {"h5": "an HDF5", "tflite": "a TFLite", "onnx": "an ONNX"}


class WithoutCard(BadModel):
    """A model file that edgecls did not make, or a part of one that it did."""


class ModelFormat(StrEnum):
    """The formats that edgecls writes, by their file suffix."""

    H5 = "h5"
    TFLITE = "tflite"
    ONNX = "onnx"


@dataclass(frozen=True)
class ModelFile:
    """Model file: its bytes, in memory and checked, with the card that is inside.

    Whoever needs the file passes this value on, so that it is read and hashed once.
    """

    path: Path
    format: ModelFormat
    content: bytes
    card: ModelCard
    is_foreign: bool = False
    """Whether edgecls did not make the file, and the card was made for it here."""

    @property
    def size_bytes(self) -> int:
        """Size of the whole file, card included."""
        return len(self.content)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the whole file, in hexadecimal; `Provenance.weights_sha256` is that of the `.h5`."""
        return content_sha256(self.content)


def content_sha256(content: bytes) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_model(path: str | Path) -> ModelFile:
    """Reads a model file that edgecls wrote, and checks its seal before any parser sees it.

    Raises:
        MissingInput: no such file.
        BadModel: empty, not a model, damaged; or `WithoutCard`.
    """
    path = Path(path)
    content = read_whole(path, MODEL_BYTES)
    format_ = model_format(content, str(path))
    card = read_card(content, format_, str(path))
    if card is None:
        if format_ is ModelFormat.ONNX:  # the card is at its end
            _check_whole(content, str(path))
        raise WithoutCard(f"{path}: {_without_card(format_, path)}")
    return ModelFile(path, format_, content, card)


def _check_whole(content: bytes, name: str) -> None:
    """Raises BadModel for an ONNX file that was cut."""
    try:
        for _ in fields(content):
            pass
    except ValueError as error:
        raise BadModel(f"{name}: truncated or damaged: {error}; copy it again") from error


def _without_card(format_: ModelFormat, path: Path) -> str:
    """What a file is that edgecls did not make, and how to go on."""
    file = shlex.quote(str(path))
    if format_ is ModelFormat.H5:
        return f"a Keras file without a model card; run `edgecls export {file} --labels labels.txt`"
    return (
        f"{_NAMES[format_]} file without a model card: made elsewhere; name its labels with --labels, or "
        f"give it a card with `edgecls adopt {file} --labels labels.txt --data FOLDER`"
    )


def model_format(content: bytes, name: str) -> ModelFormat:
    """Returns the format of a file by its content, not its suffix.

    Raises:
        BadModel: empty, or none of the three; the message shows how the file starts.
    """
    if not content:
        raise BadModel(f"{name}: the file is empty; copy it again")
    refuse_other_format(content, name)
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


def read_card(content: bytes, format_: ModelFormat, name: str) -> ModelCard | None:
    """Reads the card of a file that edgecls wrote; returns None for a foreign file, without parsing it.

    Raises:
        BadModel: edgecls wrote the file, and it was damaged or changed since.
        Unavailable: it is an `.h5`, and h5py is not installed.
    """
    seal = check_seal(content)
    whole_bytes = stated_size(content)
    if seal != "holds" and whole_bytes is not None and len(content) < whole_bytes:
        raise BadModel(f"{name}: truncated at {len(content):,} of {whole_bytes:,} bytes; copy it again")
    if seal == "broken":
        raise BadModel(f"{name}: does not match its own checksum; copy it again or export it again")
    if seal == "none":
        if any(mark in content for mark in _MARKS):
            raise BadModel(
                f"{name}: truncated or changed after edgecls wrote it; copy it again or export it again"
            )
        return None
    try:
        if format_ is ModelFormat.H5:
            _check_hdf5(content, name)
        text = _FIND_CARD[format_](content)
    except Unavailable as error:
        raise Unavailable(f"{name}: {error}") from error
    except ValueError as error:
        raise BadModel(f"{name}: {error}; copy it again or export it again") from error
    if text is None:
        raise BadModel(f"{name}: sealed, but without a model card; export it again")
    return ModelCard.from_json(text, name)


# TFLite: its metadata format stores associated files in a zip behind the FlatBuffer. Zip tools and phones
# read them too, and on a device the standard library does.

CARD_NAME = "edgecls-card.json"
LABELS_NAME = "labels.txt"
_LARGEST_CARD_BYTES = 16_000_000  # a zip bomb is a few kilobytes that become gigabytes
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),  # damaged
    *(KeyError, ValueError, NotImplementedError, RuntimeError),  # without a card; of another kind; encrypted
)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's first date: the same card gives the same bytes


def attach_to_tflite(network: bytes, card: ModelCard, beside: Mapping[str, bytes] | None = None) -> bytes:
    """Returns the bytes of a sealed `.tflite` with its card; `network` is the bare FlatBuffer.

    Args:
        network: see above.
        card: of the file.
        beside: other files for the zip, by name, such as those that an adopted file brings along.
    """
    texts = {CARD_NAME: card.to_json().encode(), LABELS_NAME: ("\n".join(card.labels) + "\n").encode()}
    return sealed_tflite(network, {**(beside or {}), **texts})


def sealed_tflite(network: bytes, texts: dict[str, bytes], signature: bytes = b"") -> bytes:
    """Returns the bytes of a sealed `.tflite` of a bare FlatBuffer, with the files of its zip."""
    # Android's zip reader allows no comment to hold the seal.
    file = io.BytesIO(network + signature + SEAL_PLACE)
    with zipfile.ZipFile(file, "a") as archive:
        for name, text in texts.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, on every system
            archive.writestr(entry, text)
    content = file.getvalue()
    return resealed(with_stated_size(content, len(content)))


def find_tflite_card(content: bytes) -> bytes | None:
    """Returns the card's JSON from the bytes of a `.tflite`; None where there is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(CARD_NAME).file_size > _LARGEST_CARD_BYTES:
                return None
            return archive.read(CARD_NAME)
    except _UNREADABLE:
        return None


# ONNX: protocol buffers join the fields of concatenated messages. So the card is written by appending an
# entry, and read by walking the top level, without the onnx package, which a device does not have.
# Field numbers are onnx.proto's: ModelProto.metadata_props = 14; StringStringEntryProto key = 1, value = 2.

CARD_KEY = "edgecls-card"
SEAL_KEY = "edgecls-seal"
SIGNATURE_KEY = "edgecls-signature"
_METADATA_PROPS, _KEY, _VALUE = 14, 1, 2


def attach_to_onnx(network: bytes, card: ModelCard) -> bytes:
    """Returns the bytes of a sealed `.onnx` with its card; `network` is the bare ModelProto."""
    return sealed_onnx(network, card.to_json().encode())


def sealed_onnx(network: bytes, card: bytes) -> bytes:
    """Returns the bytes of a sealed `.onnx` with the JSON of its card; `network` is the bare ModelProto."""
    content = network + _entry(CARD_KEY, card) + _entry(SEAL_KEY, bytes(SEAL_BYTES))
    content = content[:-SEAL_BYTES]
    return content + seal_of(content)


def bare_onnx(content: bytes, card: bytes) -> bytes:
    """Returns the ModelProto of a sealed `.onnx` that is not signed: what `sealed_onnx` took."""
    return content[: -len(_entry(CARD_KEY, card)) - len(_entry(SEAL_KEY, bytes(SEAL_BYTES)))]


def find_onnx_card(content: bytes) -> bytes | None:
    """Returns the card's JSON from the bytes of an `.onnx`; None where there is none.

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


def with_room(content: bytes, format_: ModelFormat, room: bytes) -> bytes:
    """Returns a sealed file with `room` for a signature before its seal, which is to be made anew."""
    at = seal_start(content)
    if format_ is ModelFormat.TFLITE:
        network = without_stated_size(content[:at])
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            texts = {name: archive.read(name) for name in archive.namelist()}
        return sealed_tflite(network, texts, room)
    if format_ is ModelFormat.ONNX:
        head = at - len(_entry(SEAL_KEY, bytes(SEAL_BYTES))) + SEAL_BYTES
        return content[:head] + _entry(SIGNATURE_KEY, room) + content[head:]
    return content[:at] + room + content[at:]


# HDF5: an attribute beside Keras's own. It takes h5py, so it is not for a device.

CARD_ATTRIBUTE = "edgecls_card"
HDF5_TIME_S = 20.0
"""For reading a file whole; a gigabyte takes 2 s."""


def attach_to_h5(path: Path, card: ModelCard) -> str:
    """Writes the card into an `.h5` that Keras saved, and seals it; returns the SHA-256 of the whole file.

    The caller gives the temporary file of `whole_file`: this changes it in place.
    """
    with load_h5py().File(path, "r+") as file:
        file.attrs[CARD_ATTRIBUTE] = card.to_json()
    content = path.read_bytes()
    seal = seal_of(content)
    with path.open("ab") as file:  # HDF5 ignores bytes after its end of address space
        file.write(seal)
    return content_sha256(content + seal)


def _check_hdf5(content: bytes, name: str) -> None:
    """Lets libhdf5, which never returns from some files, read a file in a process with limits first.

    Raises:
        BadModel, Unavailable: see `read_h5` of data/keras_files/hdf5.py, and `ask_worker`.
    """
    sha256 = content_sha256(content)
    if not has_passed(sha256, "hdf5"):
        ask_worker(read_hdf5, content, name, time_s=HDF5_TIME_S)
        remember(sha256, "hdf5")


def read_hdf5(content: bytes, name: str) -> None:
    """Reads every array and the card of an `.h5`; called in a process with limits."""
    import_module(f"{__name__.partition('.')[0]}.data.keras_files.hdf5").read_h5(content, name)
    find_h5_card(content)


def find_h5_card(content: bytes) -> bytes | None:
    """Returns the card's JSON from the bytes of an `.h5`; None where there is none.

    Raises:
        ValueError: not a readable HDF5 file.
        Unavailable: h5py is not installed.
    """
    try:
        with open_h5(content) as file:
            text: Any = file.attrs.get(CARD_ATTRIBUTE)
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"not a readable HDF5 file: {error}") from error
    return text.encode() if isinstance(text, str) else text


_FIND_CARD = {
    ModelFormat.H5: find_h5_card,
    ModelFormat.TFLITE: find_tflite_card,
    ModelFormat.ONNX: find_onnx_card,
}
_MARKS = tuple(mark.encode() for mark in (CARD_ATTRIBUTE, CARD_NAME, CARD_KEY))
"""Each is in a file that edgecls wrote, and still is where its end was cut off."""
