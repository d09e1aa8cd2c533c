"""The ends of networks made elsewhere: softmax, sigmoids, one score for two labels, logits and others."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import ModelFormat
from edgecls.export.calibration import Calibration
from edgecls.export.heads import with_scores
from edgecls.export.targets import Target, converted
from tests.export.networks import answers, keras_answers

layers: Any = keras.layers
ops: Any = keras.ops
CARD = ModelCard(tuple("abc"), ImageRule(8, 8))
TWO = ModelCard(tuple("ab"), ImageRule(8, 8))
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)


def plain(x: Any) -> Any:
    return x


def network(end: Callable[[Any], Any] = plain, outputs: int = 3, **options: Any) -> Any:
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Conv2D(4, 3, strides=2, activation="relu")(image))
    return keras.Model(image, end(layers.Dense(outputs, **options)(x)))


def inside(model: Any) -> Any:
    image = keras.Input((8, 8, 3))
    return keras.Model(image, model(image))


SOFTMAXES = {
    "of a layer": network(activation="softmax"),
    "Activation": network(layers.Activation("softmax")),
    "Softmax": network(layers.Softmax()),
    "operation": network(ops.softmax),
    "bfloat16": network(activation="softmax", dtype="bfloat16"),
    "mixed_float16": network(activation="softmax", dtype="mixed_float16"),
    "inside": inside(network(activation="softmax")),
    "mean of two": network(lambda x: layers.Average()([layers.Softmax()(x), layers.Softmax()(x * 2.0)])),
}
LOGITS = {
    "none": network(),
    "linear": network(activation="linear"),
    "temperature": network(lambda x: x / 3.0),
    "inside": keras.Sequential([keras.Input((8, 8, 3)), network(), layers.Rescaling(0.5)]),
    "log_softmax": network(activation="log_softmax"),
}
SIGMOIDS = {
    "of a layer": network(activation="sigmoid"),
    "operation": network(ops.sigmoid),
    "inside": inside(network(activation="hard_sigmoid")),
    "side by side": network(lambda x: layers.Concatenate()([layers.Dense(1, "sigmoid")(x) for _ in "abc"])),
}


@pytest.mark.parametrize("of", SOFTMAXES)
def test_a_softmax_is_left_alone(of):
    ended = with_scores(SOFTMAXES[of], CARD, "theirs.keras")
    assert (ended.network, ended.scores, ended.note) == (SOFTMAXES[of], "probabilities", "")


@pytest.mark.parametrize("of", LOGITS)
def test_logits_get_a_softmax(of):
    ended = with_scores(LOGITS[of], CARD, "theirs.keras")
    expected = ops.softmax(keras_answers(LOGITS[of], CARD, IMAGES))
    np.testing.assert_allclose(keras_answers(ended.network, CARD, IMAGES), expected, atol=1e-6)
    assert (ended.scores, ended.note) == ("probabilities", "")


@pytest.mark.parametrize("of", SIGMOIDS)
def test_sigmoids_are_independent_scores_and_get_no_softmax(of):
    ended = with_scores(SIGMOIDS[of], CARD, "theirs.keras")
    assert (ended.network, ended.scores) == (SIGMOIDS[of], "independent")


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_an_end_that_is_neither_is_told(activation):
    ended = with_scores(network(activation=activation), CARD, "theirs.keras")
    assert f", {activation}) gives neither probabilities nor logits" in ended.note
    assert keras_answers(ended.network, CARD, IMAGES).sum(1) == pytest.approx(1)


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_score_for_two_labels_is_the_second_ones(activation):
    model = network(outputs=1, activation=activation)
    given = keras_answers(model, TWO, IMAGES)
    second = given if activation else ops.convert_to_numpy(ops.sigmoid(given))
    ended = with_scores(model, TWO, "theirs.keras")
    expected = np.hstack([1 - second, second])
    assert ended.scores == "probabilities"
    np.testing.assert_allclose(keras_answers(ended.network, TWO, IMAGES), expected, atol=1e-6)


@pytest.mark.parametrize(("activation", "why"), [("softmax", "a softmax"), ("relu", "by dense")])
def test_one_score_that_is_no_probability_is_refused(activation, why):
    with pytest.raises(BadModel, match=rf"theirs\.keras: gives one value for two labels, {why}"):
        with_scores(network(outputs=1, activation=activation), TWO, "theirs.keras")


@pytest.mark.parametrize("format_", [ModelFormat.TFLITE, ModelFormat.ONNX])
@pytest.mark.parametrize("card", [CARD, TWO], ids=["independent", "binary"])
def test_exported_files_give_a_row_of_these_probabilities(format_, card):
    model = network(outputs=3 if card is CARD else 1, activation="sigmoid")
    ended = with_scores(model, card, "theirs.keras").network
    expected = keras_answers(ended, card, IMAGES)
    original, calibration = converted(ended, card, format_), Calibration(IMAGES)
    for_float = Target(format_).convert(original, card, None)
    np.testing.assert_allclose(answers(for_float, IMAGES), expected, atol=1e-5)
    int8 = answers(Target(format_, "int8").convert(original, card, calibration), IMAGES)
    np.testing.assert_allclose(int8, expected, atol=0.02)
    assert np.abs(int8 * 256 - np.round(int8 * 256)).max() > 0.01  # no steps of 1/256
    integers = answers(
        Target(format_, "int8", "int8").convert(original, card, calibration),
        (IMAGES.astype(int) - 128).astype(np.int8),
    )
    np.testing.assert_allclose((integers.astype(float) + 128) / 256, expected, atol=0.02)
