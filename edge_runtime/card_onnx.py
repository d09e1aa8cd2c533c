"""The card in an `.onnx`: an entry of the model's `metadata_props`.

Protocol buffers join the fields of concatenated messages, so the card is written by appending one entry, and
read by walking the top level: neither needs the onnx package, which a device does not have.
Field numbers are those of onnx.proto: ModelProto.metadata_props = 14; StringStringEntryProto key = 1, value = 2.
"""

from collections.abc import Iterator

from .card import ModelCard
from .seal import SEAL_BYTES, seal_of

CARD_KEY = "edgecls-card"
SEAL_KEY = "edgecls-seal"
_METADATA_PROPS, _KEY, _VALUE = 14, 1, 2
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


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


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields (number, raw value) of one level of a protocol buffer.

    Raises:
        ValueError: it is cut short, or not a protocol buffer.
    """
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        start = at
        if wire_type == _VARINT:
            _, at = _read_varint(message, at)
        elif wire_type == _LENGTH:
            length, start = _read_varint(message, at)
            at = start + length
        elif wire_type in (_FIXED64, _FIXED32):
            at += 8 if wire_type == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire_type} at byte {start:,}")
        if not number or at > len(message):
            raise ValueError(f"truncated at {len(message):,} of at least {at:,} bytes")
        yield number, message[start:at]


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError(f"truncated inside a number at byte {at:,}")


def _entry(key: str, value: bytes) -> bytes:
    entry = b"".join(
        _varint(number << 3 | _LENGTH) + _varint(len(field)) + field
        for number, field in ((_KEY, key.encode()), (_VALUE, value))
    )
    return _varint(_METADATA_PROPS << 3 | _LENGTH) + _varint(len(entry)) + entry


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
