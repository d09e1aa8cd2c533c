from pathlib import Path

import pytest
from edgecls.edge_runtime.card import ModelCard
from edgecls.edge_runtime.card_h5 import attach, find_card
from edgecls.edge_runtime.image import ImageRule
from edgecls.edge_runtime.model_file import ModelFormat, read_model
from edgecls.edge_runtime.seal import check_seal

h5py = pytest.importorskip("h5py", reason="needs the h5py package of edgecls[train]")

CARD = ModelCard(("cat", "größe"), ImageRule(32, 32), io="float32")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as content:
        content["weights"] = [1.0, 2.0]
        content.attrs["model_config"] = "{}"
    return path


def test_the_card_is_found_again_and_the_file_is_sealed(file: Path):
    attach(file, CARD)
    content = file.read_bytes()
    assert find_card(content) == CARD.to_json().encode()
    assert check_seal(content) == "holds"
    assert read_model(file).card == CARD
    assert read_model(file).format is ModelFormat.H5


def test_others_read_the_file_as_before(file: Path):
    attach(file, CARD)
    with h5py.File(file) as content:
        assert list(content["weights"]) == [1.0, 2.0]
        assert content.attrs["model_config"] == "{}"


def test_a_file_of_others_has_no_card(file: Path):
    assert find_card(file.read_bytes()) is None


def test_a_cut_file_is_an_error_and_no_crash(file: Path):
    content = file.read_bytes()
    for at in range(8, len(content), max(1, len(content) // 50)):
        with pytest.raises(ValueError, match="not a readable HDF5 file"):
            find_card(content[:at])
