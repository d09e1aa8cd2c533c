import hashlib
from pathlib import Path

import pytest

from edgecls.edge_runtime.errors import BadModel, EdgeclsError, MissingInput
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import ModelFormat, model_format, read_model
from edgecls.edge_runtime.models.seal import (
    SEAL_BYTES,
    SIZE_PLACE,
    check_seal,
    seal_of,
    stated_size,
    with_stated_size,
)

CARD = ModelCard(("cat", "dog"), ImageRule(32, 32))
NETWORKS = {
    "m.tflite": model_file.attach_to_tflite(b"\x1c\0\0\0TFL3" + bytes(500), CARD),
    "m.onnx": model_file.attach_to_onnx(b"\x08\x08\x3a\x82\x04" + bytes(range(1, 3)) * 257, CARD),
}


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_a_whole_file_gives_its_format_content_and_card(tmp_path: Path, name: str):
    model = read_model(write(tmp_path, name, NETWORKS[name]))
    assert model.format == name.split(".")[1]
    assert model.content == NETWORKS[name]
    assert model.size_bytes == len(NETWORKS[name])
    assert model.card == CARD


def test_the_content_decides_and_not_the_name(tmp_path: Path):
    assert read_model(write(tmp_path, "m.onnx", NETWORKS["m.tflite"])).format is ModelFormat.TFLITE


def test_a_path_may_be_text(tmp_path: Path):
    assert read_model(str(write(tmp_path, "m.onnx", NETWORKS["m.onnx"]))).card == CARD


def test_the_exported_files_are_read(tiny):
    for path in (tiny.h5, *tiny.files):
        assert read_model(path).card.labels == tuple("0123456789")


def test_a_missing_file_is_missing(tmp_path: Path):
    with pytest.raises(MissingInput):
        read_model(tmp_path / "m.tflite")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty; copy it again"),
        (b"<html>\n<head>", "it starts with '<html>'"),
        (b"\n\n <!DOCTYPE html>", "it starts with '<!DOCTYPE'"),
        (b"<html><head><title>", "it starts with '<html><head><tit'"),
        (b"PK\x03\x04abc", "it starts with the bytes 50 4b 03 04"),
        (b"\0\0\0\0", "it starts with the bytes 00 00 00 00"),
        (b"\xff\xd8\xff\xe0", "it starts with the bytes ff d8 ff e0"),
        (b"\x1b[2Jboo", "it starts with the bytes 1b 5b"),  # and not the escape sequence itself
        (b" \n\t", "it starts with the bytes 20 0a 09"),
    ],
)
def test_what_is_no_model_is_shown_by_its_start(tmp_path: Path, content: bytes, words: str):
    with pytest.raises(BadModel, match=r"m\.tflite: ") as raised:
        read_model(write(tmp_path, "m.tflite", content))
    assert words in str(raised.value)
    assert raised.value.exit_code == 65
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("start", "format_"),
    [
        (b"\x89HDF\r\n\x1a\n", ModelFormat.H5),
        (b"\x1c\0\0\0TFL3", ModelFormat.TFLITE),
        (b"\x08\x08\x12\x07", ModelFormat.ONNX),
    ],
)
def test_each_format_is_known_by_its_first_bytes(start: bytes, format_: ModelFormat):
    assert model_format(start + bytes(100), "m") is format_


@pytest.mark.parametrize(
    ("name", "bare", "words"),
    [
        (
            "m.tflite",
            b"\x1c\0\0\0TFL3" + bytes(500),
            "TFLite file without a model card: made elsewhere; .*--labels",
        ),
        ("m.onnx", b"\x08\x08\x12\x02ab", "ONNX file without a model card: made elsewhere; .*--labels"),
        (
            "m.h5",
            b"\x89HDF\r\n\x1a\n" + bytes(500),
            r"Keras file without a model card; run `edgecls export .*m\.h5",
        ),
    ],
)
def test_a_network_without_a_card_says_so_and_what_to_do(tmp_path: Path, name: str, bare: bytes, words: str):
    with pytest.raises(BadModel, match=words):
        read_model(write(tmp_path, name, bare))


@pytest.mark.parametrize("name", NETWORKS)
def test_cut_anywhere_it_is_refused(tmp_path: Path, name: str):
    whole = NETWORKS[name]
    for at in range(0, len(whole), max(1, len(whole) // 200)):
        with pytest.raises(BadModel):
            read_model(write(tmp_path, name, whole[:at]))


@pytest.mark.parametrize("name", NETWORKS)
def test_one_flipped_bit_anywhere_is_refused(tmp_path: Path, name: str):
    whole = NETWORKS[name]
    for number in range(200):
        flipped = bytearray(whole)
        flipped[number * len(whole) // 200] ^= 1 << number % 8
        with pytest.raises(BadModel):
            read_model(write(tmp_path, name, bytes(flipped)))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_flipped_bit_is_called_by_its_name(tmp_path: Path, name: str):
    flipped = bytearray(NETWORKS[name])
    flipped[200] ^= 1
    with pytest.raises(BadModel, match="does not match its own checksum; copy it again or export it again"):
        read_model(write(tmp_path, name, bytes(flipped)))


def test_real_files_cut_or_with_a_flipped_bit_are_refused(tiny, tmp_path: Path):
    """Rows 28 and 29, on what `edgecls export` really writes, and on the `.h5`."""
    for path in (tiny.h5, *tiny.files):
        whole = path.read_bytes()
        for number in range(200):
            at = number * len(whole) // 200
            flipped = whole[:at] + bytes([whole[at] ^ 1 << number % 8]) + whole[at + 1 :]
            for damaged in (whole[:at], flipped):
                with pytest.raises(EdgeclsError) as raised:
                    read_model(write(tmp_path, path.name, damaged))
                assert raised.value.exit_code == 65


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


FILE = b"network " + SIZE_PLACE + b" weights" * 1000


def test_a_truncated_copy_still_knows_how_large_it_was():
    whole = with_stated_size(FILE, 134_440)
    assert stated_size(whole) == 134_440
    assert stated_size(whole[:100]) == 134_440


def test_the_room_for_the_size_is_that_of_every_file_so_far():
    assert SIZE_PLACE == b"edgecls-bytes:000000000000"


def test_stating_the_size_moves_nothing():
    whole = with_stated_size(FILE, 134_440)
    assert len(whole) == len(FILE)
    assert whole.replace(b"000000134440", b"000000000000") == FILE


@pytest.mark.parametrize("content", [b"", b"no room here", FILE, FILE[:20]])
def test_a_file_that_states_nothing_has_no_size(content):
    assert stated_size(content) is None


def test_the_size_is_looked_for_near_the_start():
    """What stands further behind is the network's own."""
    whole = with_stated_size(FILE, 134_440)
    assert stated_size(bytes(65_000) + whole) == 134_440
    assert stated_size(bytes(66_000) + whole) is None


def test_a_file_without_room_stays_as_it_is():
    assert with_stated_size(b"no room here", 12) == b"no room here"


def test_only_the_first_place_counts():
    assert with_stated_size(FILE + FILE, 7) == with_stated_size(FILE, 7) + FILE
