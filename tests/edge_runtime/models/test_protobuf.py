import pytest

from edgecls.edge_runtime.models.protobuf import field, fields, varints


def test_a_row_of_fields_is_read_as_it_was_written():
    message = field(1, b"name") + field(2000, b"") + field(3, bytes(300))
    assert list(fields(message)) == [(1, b"name"), (2000, b""), (3, bytes(300))]


def test_numbers_of_every_wire_type_are_passed_on_raw():
    message = b"\x08\x96\x01" + b"\x11" + bytes(8) + b"\x1d" + bytes(4)
    assert list(fields(message)) == [(1, b"\x96\x01"), (2, bytes(8)), (3, bytes(4))]


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (b"", []),
        (b"\x00", [0]),
        (b"\x96\x01", [150]),
        (b"\x01\x96\x01\x02", [1, 150, 2]),  # packed
        (b"\xff" * 9 + b"\x01", [-1]),
        (b"\x80" * 9 + b"\x01", [-(2**63)]),
    ],
)
def test_a_number_is_signed_and_several_may_be_packed(value: bytes, numbers: list[int]):
    assert varints(value) == numbers


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x0a\x05ab", "truncated at 4 of at least 7 bytes"),
        (b"\x0a", "truncated inside a number"),
        (b"\x08\xff", "truncated inside a number"),
        (b"\x08" + b"\xff" * 12, "truncated inside a number"),
        (b"\x0b", "wire type 3"),
        (b"\x02\x00", "truncated"),  # field number 0
        (b"\x0d\x00", "truncated"),
    ],
)
def test_what_is_no_protocol_buffer_is_a_value_error(message: bytes, reason: str):
    with pytest.raises(ValueError, match=reason):
        list(fields(message))
