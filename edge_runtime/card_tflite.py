"""The card in a `.tflite`: an associated file, in a zip appended to the FlatBuffer.

That is how TFLite's own metadata format stores such files, so zip tools and phones read them too, and the
standard library does on the device.
"""

import io
import zipfile
import zlib

from .card import ModelCard
from .seal import SEAL_BYTES, seal_of
from .stated_size import with_stated_size

CARD_NAME = "edgecls-card.json"
LABELS_NAME = "labels.txt"
_LARGEST_CARD_BYTES = 16_000_000  # a zip bomb is a few kilobytes that become gigabytes
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),  # damaged
    *(KeyError, ValueError, NotImplementedError, RuntimeError),  # without a card; of another kind; encrypted
)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's first date: the same card gives the same bytes


def attach(network: bytes, card: ModelCard) -> bytes:
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


def find_card(content: bytes) -> bytes | None:
    """The card's JSON from a `.tflite`'s bytes, or None where there is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(CARD_NAME).file_size > _LARGEST_CARD_BYTES:
                return None
            return archive.read(CARD_NAME)
    except _UNREADABLE:
        return None
