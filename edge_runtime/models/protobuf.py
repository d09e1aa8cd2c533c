"""Wire format of protocol buffers: enough of it to read an ONNX model without the onnx package.

A message is a sequence of (field number, value); see https://protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the fields (number, raw value) of one level of a message, in the order of the file.

    Raises:
        ValueError: it is truncated, or not a protocol buffer.
    """
    for number, _, start, end in spans(message):
        yield number, message[start:end]


def spans(message: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yields the fields of one level of a message: number, begin, begin of its value, end.

    Raises:
        ValueError: it is truncated, or not a protocol buffer.
    """
    at = 0
    while at < len(message):
        begin = at
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
        yield number, begin, start, at


def varints(value: bytes) -> list[int]:
    """Returns the signed numbers of a field: one, or all of them where they are packed.

    Raises:
        ValueError: the field holds something else.
    """
    numbers: list[int] = []
    at = 0
    while at < len(value):
        number, at = _read_varint(value, at)
        numbers.append(number - (1 << 64) if number >> 63 else number)
    return numbers


def field(number: int, value: bytes) -> bytes:
    """Returns the bytes of one field whose value is a text or a message."""
    return _varint(number << 3 | _LENGTH) + _varint(len(value)) + value


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


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
