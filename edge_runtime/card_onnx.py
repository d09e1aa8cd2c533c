"""The card in an `.onnx`: an entry of the model's `metadata_props`.

Protocol buffers join the fields of concatenated messages, so the card is written by appending one entry, and
read by walking the top level: neither needs the onnx package, which a device does not have.
Field numbers are onnx.proto's: ModelProto.metadata_props = 14; StringStringEntryProto key = 1, value = 2.
"""

from .card import ModelCard
from .inspection.protobuf import field, fields
from .seal import SEAL_BYTES, seal_of

CARD_KEY = "edgecls-card"
SEAL_KEY = "edgecls-seal"
_METADATA_PROPS, _KEY, _VALUE = 14, 1, 2


def attach(network: bytes, card: ModelCard) -> bytes:
    """The bytes of a sealed `.onnx` with its card; `network` is the bare ModelProto."""
    content = network + _entry(CARD_KEY, card.to_json().encode()) + _entry(SEAL_KEY, bytes(SEAL_BYTES))
    content = content[:-SEAL_BYTES]
    return content + seal_of(content)


def find_card(content: bytes) -> bytes | None:
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
