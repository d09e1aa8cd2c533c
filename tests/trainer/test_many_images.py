"""A data set that is mapped trains as one in memory does, and no copy of the whole is made."""

from dataclasses import replace

import numpy as np
import pytest

from edgecls.benchmarks.test_images import held_out_images
from edgecls.data import mirrored
from edgecls.data.backend import keras
from edgecls.data.overlap import overlap_warnings
from edgecls.data.prepared import cache as cache_module
from edgecls.data.prepared import folder as folder_module
from edgecls.data.prepared import images as images_module
from edgecls.data.prepared.images import MappedImages, PictureRows
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.model_file import read_model
from edgecls.export.keras_file import KerasEngine
from edgecls.trainer import batches, compiled
from edgecls.trainer.options import TrainOptions
from edgecls.trainer.recipe import Recipe
from edgecls.trainer.train import run_training

_MOST = 16
"""Images that any step of the program may hold, here; the plot of samples shows as many."""


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images were copied from a file at once, each time; everything is done in small pieces."""
    counts: list[int] = []
    copy = PictureRows.copy

    def noting(self: PictureRows, rows: np.ndarray, target: np.ndarray, at: np.ndarray) -> None:
        counts.append(len(target))
        copy(self, rows, target, at)

    monkeypatch.setattr(PictureRows, "copy", noting)
    monkeypatch.setattr(cache_module, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(folder_module, "_SPARED", 0)  # however full this machine's disk is
    monkeypatch.setattr(images_module, "PIECE_BYTES", _MOST * 18 * 18 * 3)
    monkeypatch.setattr(batches, "_CHUNK_IMAGES", _MOST)
    monkeypatch.setattr(compiled, "_PREDICTED_TOGETHER", _MOST)
    monkeypatch.setattr(mirrored, "_MOST_IMAGES", _MOST)
    monkeypatch.setattr("edgecls.export.keras_file._BATCH_PIXELS", _MOST * 18 * 18)
    monkeypatch.setattr("edgecls.trainer.enough.examine.MOST_EXAMINED", _MOST)
    return counts


def test_it_trains_the_same_network_without_a_copy_of_the_images(tmp_path, write_images, copied, monkeypatch):
    for part, count in {"train": 40, "test": 12}.items():
        for label in ("cat", "dog"):
            write_images(tmp_path / "pets" / part / label, count, first=len(part) * 100)
    recipe = Recipe(epochs=1, batch_size=8, augment=("flip", "shift"))
    many = TrainOptions(str(tmp_path / "pets"), tmp_path / "many.h5", ImageRule(18, 18), recipe)
    dataset = many.load_data()
    assert isinstance(dataset.train.images, MappedImages)
    assert not overlap_warnings(dataset)
    report = run_training(many, dataset)
    card = read_model(many.output).card
    tests = held_out_images(read_model(many.output), None, limit=None)
    tests.write(tmp_path)
    KerasEngine(many.output).predict_batch(tests.images)
    assert card.provenance.data_sha256 == report.data_sha256 == tests.sha256
    assert len(tests.images) == 24
    assert max(copied) <= _MOST
    monkeypatch.setattr(cache_module, "IN_MEMORY_BYTES", 2**30)
    few = replace(many, output=tmp_path / "few.h5")
    assert run_training(few).test == report.test
    weights = [keras.models.load_model(path).get_weights() for path in (many.output, few.output)]
    assert all(map(np.array_equal, *weights))
