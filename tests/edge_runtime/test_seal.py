import hashlib

import pytest
from edgecls.edge_runtime.seal import SEAL_BYTES, check_seal, seal_of

BODY = bytes(range(256)) * 4
SEALED = BODY + seal_of(BODY)


def test_a_seal_is_the_hash_of_everything_else():
    assert seal_of(BODY) == b"edgecls-sha256:" + hashlib.sha256(BODY).hexdigest().encode()
    assert len(seal_of(BODY)) == SEAL_BYTES == 79


def test_what_was_sealed_holds():
    assert check_seal(SEALED) == "holds"


@pytest.mark.parametrize("at", range(0, len(BODY), 97))
@pytest.mark.parametrize("bit", [0, 7])
def test_one_flipped_bit_breaks_it(at: int, bit: int):
    flipped = bytearray(SEALED)
    flipped[at] ^= 1 << bit
    assert check_seal(bytes(flipped)) == "broken"


@pytest.mark.parametrize("at", range(1, SEAL_BYTES + 1))
def test_a_damaged_seal_never_holds(at: int):
    flipped = bytearray(SEALED)
    flipped[-at] ^= 1
    assert check_seal(bytes(flipped)) != "holds"


@pytest.mark.parametrize("at", [0, 100, len(BODY)])
def test_it_covers_what_is_before_and_behind_it(at: int):
    sealed = BODY[:at] + seal_of(BODY) + BODY[at:]
    assert check_seal(sealed) == "holds"
    flipped = bytearray(sealed)
    flipped[at - 1] ^= 1  # right before it, or the last byte
    assert check_seal(bytes(flipped)) == "broken"


@pytest.mark.parametrize("content", [SEALED[:-1], SEALED[1:], SEALED + b"\n"])
def test_a_cut_or_longer_file_breaks_it(content: bytes):
    assert check_seal(content) == "broken"


@pytest.mark.parametrize("content", [b"", b"short", BODY])
def test_without_a_seal_there_is_none(content: bytes):
    assert check_seal(content) == "none"
