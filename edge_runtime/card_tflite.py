"""The card in a `.tflite`: an associated file, in a zip appended to the FlatBuffer.

That is how TFLite's own metadata format stores such files, so zip tools and phones read them too, and the
standard library does on the device.
"""

import io
import zipfile

from .card import ModelCard
from .seal import SEAL_BYTES, seal_of

CARD_NAME = "edgecls-card.json"
LABELS_NAME = "labels.txt"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's first date: the same card gives the same bytes


def attach(network: bytes, card: ModelCard) -> bytes:
    """The bytes of a sealed `.tflite` with its card; `network` is the bare FlatBuffer."""
    file = io.BytesIO(network)
    with zipfile.ZipFile(file, "a") as archive:
        for name, text in {CARD_NAME: card.to_json(), LABELS_NAME: "\n".join(card.labels) + "\n"}.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, on every system
            archive.writestr(entry, text.encode())
        archive.comment = bytes(SEAL_BYTES)
    content = file.getvalue()[:-SEAL_BYTES]
    return content + seal_of(content)


def find_card(content: bytes) -> bytes | None:
    """The card's JSON from a `.tflite`'s bytes, or None where there is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(CARD_NAME)
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, EOFError, OSError):
        return None
