import shutil

import h5py
import numpy as np
import pytest
from edgecls.edge_runtime.card import ModelCard
from edgecls.edge_runtime.errors import OutputFailed
from edgecls.edge_runtime.image import ImageRule
from edgecls.edge_runtime.model_file import read_model
from edgecls.trainer.networks import Design, build
from edgecls.trainer.save import save_network

CARD = ModelCard(("dark", "middling", "bright"), ImageRule(18, 18), io="float32")


@pytest.fixture(scope="module")
def network():
    return build(Design(dropout=0.1), 18, 18, 3)


def test_the_file_holds_the_network_and_its_card(network, tmp_path):
    path = tmp_path / "model.h5"
    save_network(network, CARD, path)
    model = read_model(path)
    assert model.card == CARD
    with h5py.File(path) as file:
        assert "optimizer_weights" not in file
        kernel = file["model_weights/conv1/cnn/conv1/kernel"][:]
    assert (kernel == network.get_weights()[0]).all()
    assert list(tmp_path.iterdir()) == [path]


def test_tf_keras_opens_evaluates_and_trains_it_further(network, tmp_path, shades):
    from tensorflow.keras import models

    path = tmp_path / "model.h5"
    save_network(network, CARD, path)
    reloaded = models.load_model(path)
    images = shades.test.images / np.float32(255)
    expected = network.evaluate(images, shades.test.truth, verbose=0)
    assert reloaded.evaluate(images, shades.test.truth, verbose=0) == pytest.approx(expected, rel=1e-6)
    reloaded.fit(images, shades.test.truth, verbose=0)
    assert reloaded.evaluate(images, shades.test.truth, verbose=0) != pytest.approx(expected, rel=1e-6)


@pytest.mark.filterwarnings("ignore:Exception ignored in. 'h5py")  # a handle that HDF5 cannot close either
@pytest.mark.parametrize("free_kb", [0, 60, 180, 240])
def test_a_full_disk_leaves_the_old_file(network, small_disk, free_kb):
    path = small_disk / "model.h5"
    save_network(network, CARD, path)
    before = path.read_bytes()
    free_bytes = shutil.disk_usage(small_disk).free
    (small_disk / "filler").write_bytes(bytes(free_bytes - free_kb * 1024))
    with pytest.raises(OutputFailed, match=r"^cannot write .*model.h5: .*; (free some space|check that)"):
        save_network(network, CARD, path)
    assert path.read_bytes() == before
    assert {file.name for file in small_disk.iterdir()} == {"model.h5", "filler"}
