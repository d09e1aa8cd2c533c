import io
import zipfile

from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import CARD_NAME, attach_to_tflite, find_tflite_card
from edgecls.edge_runtime.models.seal import check_seal

CARD = ModelCard(("cat", "größe"), ImageRule(32, 32))
NETWORK = b"\x1c\0\0\0TFL3" + bytes(range(256))
FILE = attach_to_tflite(NETWORK, CARD)


def test_the_network_comes_first_and_unchanged():
    assert FILE.startswith(NETWORK)


def test_the_card_is_found_again():
    assert find_tflite_card(FILE) == CARD.to_json().encode()


def test_the_file_is_sealed():
    assert check_seal(FILE) == "holds"


def test_any_zip_tool_reads_card_and_labels():
    with zipfile.ZipFile(io.BytesIO(FILE)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [CARD_NAME, "labels.txt"]
        assert archive.read("labels.txt").decode() == "cat\ngröße\n"


def test_the_zip_ends_as_androids_metadata_reader_wants_it():
    """It looks for the end record 22 bytes before the end of the file, and nowhere else."""
    assert FILE[-22:-18] == b"PK\x05\x06"


def test_the_same_network_and_card_give_the_same_bytes():
    assert attach_to_tflite(NETWORK, CARD) == FILE


def test_a_bare_network_has_no_card():
    assert find_tflite_card(NETWORK) is None
    assert find_tflite_card(b"") is None


def zipped(name: str, content: bytes, **options) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        archive.writestr(name, content)
    return NETWORK + file.getvalue()


def test_the_metadata_of_others_has_no_card():
    assert find_tflite_card(zipped("labels.txt", b"cat\n")) is None


def test_a_card_may_have_its_largest_size_and_no_more(monkeypatch):
    size_bytes = len(CARD.to_json().encode())
    monkeypatch.setattr(model_file, "_LARGEST_CARD_BYTES", size_bytes)
    assert find_tflite_card(FILE) is not None
    monkeypatch.setattr(model_file, "_LARGEST_CARD_BYTES", size_bytes - 1)
    assert find_tflite_card(FILE) is None


def test_a_zip_bomb_is_not_unpacked():
    bomb = zipped(CARD_NAME, bytes(17_000_000), compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    assert find_tflite_card(bomb) is None


def test_an_encrypted_entry_is_no_card():
    file = bytearray(zipped(CARD_NAME, b"{}"))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        file[file.index(signature) + flags] |= 1
    assert find_tflite_card(bytes(file)) is None


def test_damage_anywhere_in_the_zip_is_no_crash():
    file = zipped(CARD_NAME, CARD.to_json().encode(), compression=zipfile.ZIP_DEFLATED)
    for at in range(len(NETWORK), len(file)):
        for damaged in (file[:at], file[:at] + bytes([file[at] ^ 0xFF]) + file[at + 1 :]):
            find_tflite_card(damaged)
