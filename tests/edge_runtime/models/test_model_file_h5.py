"""Card and seal of an `.h5`."""

from pathlib import Path

import pytest

from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import ModelFormat, attach_to_h5, find_h5_card, read_model
from edgecls.edge_runtime.models.seal import check_seal

h5py = pytest.importorskip("h5py", reason="needs the h5py package of edgecls[train]")

H5_CARD = ModelCard(("cat", "größe"), ImageRule(32, 32), io="float32")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as content:
        content["weights"] = [1.0, 2.0]
        content.attrs["model_config"] = "{}"
    return path


def test_the_card_is_found_again_and_the_file_is_sealed(file: Path):
    attach_to_h5(file, H5_CARD)
    content = file.read_bytes()
    assert find_h5_card(content) == H5_CARD.to_json().encode()
    assert check_seal(content) == "holds"
    assert read_model(file).card == H5_CARD
    assert read_model(file).format is ModelFormat.H5


def test_others_read_the_file_as_before(file: Path):
    attach_to_h5(file, H5_CARD)
    with h5py.File(file) as content:
        assert list(content["weights"]) == [1.0, 2.0]
        assert content.attrs["model_config"] == "{}"


def test_a_file_of_others_has_no_card(file: Path):
    assert find_h5_card(file.read_bytes()) is None


def test_a_cut_file_is_an_error_and_no_crash(file: Path):
    content = file.read_bytes()
    for at in range(8, len(content), max(1, len(content) // 50)):
        with pytest.raises(ValueError, match="not a readable HDF5 file"):
            find_h5_card(content[:at])
