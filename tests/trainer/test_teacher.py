import hashlib
from pathlib import Path

import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.edge_runtime.errors import BadModel, UsageError
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard, Provenance
from edgecls.trainer.compiled import probabilities
from edgecls.trainer.teacher import ROUNDS, Teacher, load_teacher
from edgecls.trainer.train import save_network

LABELS = ("cat", "dog")
RULE = ImageRule(18, 18)


def small_network() -> keras.Model:
    layers = [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    return keras.Sequential([keras.Input((18, 18, 3)), *layers])


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("teacher") / "big.h5"
    card = ModelCard(LABELS, RULE, io="float32", provenance=Provenance(data_sha256="of the data"))
    save_network(small_network(), card, path)
    return path


def test_it_says_what_its_network_says_and_remembers_it():
    images = np.random.default_rng(0).integers(0, 256, (20, 18, 18, 3), dtype=np.uint8)
    network = small_network()
    teacher = Teacher(network, images=20, classes=2, epochs=30)
    assert teacher.rounds == ROUNDS
    said = np.concatenate(
        [teacher.probabilities(images[:8], 0, start=0), teacher.probabilities(images[8:], 0, start=8)]
    )
    assert said == pytest.approx(probabilities(network, images), abs=1e-3)
    assert (teacher.is_complete(0), teacher.is_complete(1)) == (True, False)
    assert (teacher.probabilities(255 - images[:8], 0, start=0) == said[:8]).all()  # not asked again


def test_a_short_training_needs_fewer_rounds():
    assert Teacher(small_network(), images=4, classes=2, epochs=2).rounds == 2


def test_a_saved_one_is_loaded_with_its_digest(saved):
    teacher = load_teacher(saved, LABELS, RULE)
    assert teacher.network.output_shape == (None, 2)
    assert teacher.sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert teacher.data_sha256 == "of the data"


def test_one_that_does_not_fit_is_refused(saved):
    with pytest.raises(UsageError, match=r"big.h5: its classes are cat, dog, not those of the data"):
        load_teacher(saved, ("cat", "dog", "cow"), RULE)
    with pytest.raises(UsageError, match=r"big.h5: takes images of 18x18 px, not 32x32; give --imgsz 18"):
        load_teacher(saved, LABELS, ImageRule(32, 32))


def test_one_with_a_layer_that_could_run_code_is_refused_before_keras_builds_it(tmp_path):
    layers = [keras.layers.Flatten(), keras.layers.Lambda(lambda x: x[:, :2])]
    path = tmp_path / "code.h5"
    network = keras.Sequential([keras.Input((18, 18, 3)), *layers])
    save_network(network, ModelCard(LABELS, RULE, io="float32"), path)
    with pytest.raises(BadModel, match=r"code.h5: refused: a Lambda layer can run code"):
        load_teacher(path, LABELS, RULE)


def test_one_that_keras_cannot_load_is_an_error_of_one_line(saved, tmp_path):
    content = saved.read_bytes()
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(content.replace(b"Dense", b"Dance"))
    with pytest.raises(BadModel, match=r"damaged.h5: "):
        load_teacher(damaged, LABELS, RULE)
