from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.data.split import Split
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat
from edgecls.export.calibration import Calibration
from edgecls.export.familiarity import MOST_A_CLASS, fit_sigmoid, likeness, prototypes, with_familiarity
from edgecls.export.keras_file import KerasEngine
from edgecls.export.layer_names import FAMILIARITY
from edgecls.export.targets import Target, converted
from edgecls.export.tflite_graph import operators
from edgecls.export.tflite_int8 import int8_tflite
from tests.export.networks import CARD, IMAGES, answers, residual

UNSEEN = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((4, 4)))[None, ..., None].repeat(3, 3) * 255
UNSEEN = np.concatenate([UNSEEN, 255 - UNSEEN]).astype(
    np.uint8
)  # chequered, where all others are of one colour
TRUTH = np.arange(len(IMAGES)) % 4


def engine(network) -> KerasEngine:
    return KerasEngine((network, ModelFile(Path("some.h5"), ModelFormat.H5, b"", CARD)))


@pytest.fixture(scope="module")
def original():
    return engine(residual())


@pytest.fixture(scope="module")
def extended(original):
    val = np.clip(IMAGES.astype(int) + 4, 0, 255).astype(np.uint8)
    return with_familiarity(original, Split(IMAGES, TRUTH), Split(val, TRUTH))


def test_what_was_never_seen_gets_low_probabilities_and_the_labels_stay(original, extended):
    before, after = original.predict_batch(IMAGES), extended.predict_batch(IMAGES)
    np.testing.assert_array_equal(before.argmax(1), after.argmax(1))
    familiarity = after.sum(1)
    assert (familiarity > 0.5).mean() >= 0.9
    np.testing.assert_allclose(after / familiarity[:, None], before, atol=1e-5)
    assert extended.predict_batch(UNSEEN).sum(1).max() < familiarity.min()
    assert extended.model.card.familiarity
    assert not original.model.card.familiarity


@pytest.mark.parametrize(
    "target",
    [
        Target(ModelFormat.TFLITE, "int8"),
        Target(ModelFormat.ONNX, "int8"),
        Target(ModelFormat.ONNX, "float16"),
        Target(ModelFormat.ONNX),
    ],
    ids=str,
)
def test_exported_files_know_what_was_never_seen(extended, target):
    card = extended.model.card
    network = converted(extended.network, card, target.format)
    content = target.convert(network, card, Calibration(IMAGES))
    known, unseen = answers(content, IMAGES), answers(content, UNSEEN)
    assert np.abs(known - extended.predict_batch(IMAGES)).max() <= (0.25 if target.kind == "int8" else 0.01)
    assert unseen.sum(1).max() < known.sum(1).min() - 0.05


def test_familiarity_is_computed_in_float_and_prototypes_in_int8(extended):
    found = operators(int8_tflite(extended.network, extended.model.card, Calibration(IMAGES)))
    kinds = [one.kind for one in found]
    assert "QUANTIZE" not in kinds[kinds.index("DEQUANTIZE") :]  # from float, nothing goes back
    assert kinds[-1] == "MUL"
    assert [one.kind for one in found if "prototypes/MatMul" in one.names] == ["FULLY_CONNECTED"]
    assert any(one.belongs_to(FAMILIARITY) for one in found)


def test_a_class_has_a_few_prototypes_and_a_small_one_its_pictures():
    rng = np.random.default_rng(0)
    features = rng.random((105, 6), np.float32)
    truth = np.repeat([0, 1], [100, 5])
    centres = prototypes(features, truth)
    assert centres.shape == (MOST_A_CLASS + 5, 6)
    np.testing.assert_allclose(likeness(features[100:], centres), 1, atol=1e-4)
    assert prototypes(features, np.arange(105) % 50).shape[0] <= 105
    np.testing.assert_array_equal(centres, prototypes(features, truth))


def test_few_validation_pictures_are_unfamiliar_and_equal_ones_do_no_harm():
    cosines = np.linspace(0.5, 0.9, 101)
    slope, offset = fit_sigmoid(cosines)
    familiarity = 1 / (1 + np.exp(-(slope * cosines + offset)))
    assert (familiarity < 0.5).sum() == 5
    assert np.median(familiarity) > 0.97
    assert np.isfinite(fit_sigmoid(np.full(3, 0.7))).all()


def test_a_network_that_ends_otherwise_stays_as_it_is(original):
    doubled = keras.Sequential([original.network, keras.layers.Softmax()])
    ends_otherwise = KerasEngine((doubled, replace(original.model)))
    assert with_familiarity(ends_otherwise, Split(IMAGES, TRUTH), Split(IMAGES, TRUTH)) is ends_otherwise
