from dataclasses import replace

import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.trainer.checkpoint import TrainingState
from edgecls.trainer.compiled import (
    FusedBatchNormalization,
    compiled_to_fit,
    fast_copy,
    fitted_weights,
    probabilities,
)
from edgecls.trainer.fit import PATIENCE_EPOCHS, fit
from edgecls.trainer.networks import Design, build
from edgecls.trainer.progress import Progress
from edgecls.trainer.recipe import Recipe
from edgecls.trainer.report import best_epoch, metrics
from edgecls.trainer.teacher import TeacherFile

PLAIN = Recipe(epochs=3)
STOPPING = Recipe(epochs=3, augment=("flip", "shift"), dropout=0.2, early_stopping=True, seed=5)
MUON = Recipe(epochs=3, optimizer="muon", learning_rate=0.01, weight_decay=0.02)
CYCLE = Recipe(
    epochs=3,
    optimizer="sgd",
    learning_rate=0.1,
    schedule="one-cycle",
    weight_decay=1e-3,
    label_smoothing=0.1,
    augment=("flip", "colour", "jpeg"),
    dropout=0.2,
    average_epochs=2,
    balance=True,
    precision="bfloat16",
)


def small_network(seed: int = 0, dropout: float = 0.0, classes: int = 3) -> keras.Model:
    """Any network can be fitted; this one is traced in a fraction of the CNN's time."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((18, 18, 3)),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def same_weights(one: keras.Model, other: keras.Model) -> bool:
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def without_time(history):
    return [replace(epoch, seconds=0) for epoch in history]


def test_the_documented_cnn_learns_and_its_figures_are_those_of_keras(shades):
    keras.utils.set_random_seed(0)
    network = build(Design("cnn"), 18, 18, 3)
    network.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = fit(network, shades, Recipe(epochs=10))
    assert [epoch.number for epoch in history] == list(range(1, 11))
    assert history[-1].test.accuracy > 0.9
    for split, found in ((shades.val, history[-1].val), (shades.test, history[-1].test)):
        loss, accuracy = network.evaluate(split.images / np.float32(255), split.truth, verbose=0)
        assert (found.loss, found.accuracy) == pytest.approx((loss, accuracy), rel=1e-4)


def test_it_does_what_keras_s_own_fit_does_on_the_same_batches(shades):
    ours, theirs = small_network(), small_network()
    theirs.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    fit(ours, shades, replace(PLAIN, epochs=2))
    for epoch in range(2):
        order = np.random.default_rng((0, epoch)).permutation(len(shades.train))
        images = shades.train.images[order].astype(np.float32) / 255
        theirs.fit(images, shades.train.truth[order], batch_size=32, shuffle=False, verbose=0)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.abs(one - other).max() < 1e-5


@pytest.mark.parametrize(
    "recipe",
    [PLAIN, STOPPING, MUON, CYCLE],
    ids=["documented", "early stopping", "Muon", "everything else"],
)
def test_a_training_that_goes_on_ends_exactly_as_one_never_interrupted(shades, recipe):
    states: list[TrainingState] = []
    whole = small_network(recipe.seed, recipe.dropout)
    history = fit(whole, shades, recipe, on_epoch=states.append)
    for state in (states[0], states[-1]):  # the last has nothing left to do
        resumed = small_network(recipe.seed, recipe.dropout)
        resumed_history = fit(resumed, shades, recipe, start=state)
        assert without_time(resumed_history) == without_time(history)
        assert same_weights(whole, resumed)


def test_the_seed_decides_everything(shades):
    networks = []
    for seed in (5, 5, 6):
        networks.append(small_network(seed, dropout=0.2))
        fit(networks[-1], shades, replace(STOPPING, seed=seed, epochs=1))
    assert same_weights(networks[0], networks[1])
    assert not same_weights(networks[0], networks[2])


def test_early_stopping_watches_validation_keeps_its_best_weights_and_can_be_resumed(shades):
    # Validation images whose classes are swapped: the better the fit, the worse they go.
    misleading = replace(shades, val=replace(shades.val, truth=2 - shades.val.truth))
    recipe = Recipe(epochs=50, early_stopping=True)
    states: list[TrainingState] = []
    network = small_network()
    history = fit(network, misleading, recipe, on_epoch=states.append)
    best = best_epoch(history)
    assert len(history) == best + PATIENCE_EPOCHS < 50
    assert history[-1].test.loss < history[best - 1].test.loss  # the test split did not decide
    kept = metrics(probabilities(network, misleading.val.images), misleading.val.truth)
    assert kept.loss == pytest.approx(history[best - 1].val.loss, rel=1e-5)

    for state in states[-2:]:
        resumed = small_network()
        assert len(fit(resumed, misleading, recipe, start=state)) == len(history)
        assert same_weights(network, resumed)


def test_progress_is_told_each_epoch_and_batch(shades):
    told = []

    class Recorder(Progress):
        def epoch_started(self, number, epochs, batches):
            told.append((number, epochs, batches))

        def batches_done(self, count, loss, accuracy):
            told.append((count, loss > 0, 0 <= accuracy <= 1))

        def epoch_done(self, epoch):
            told.append(epoch.number)

    fit(small_network(), shades, replace(PLAIN, epochs=2), progress=Recorder())
    # 16 batches go in one call: these four are told of at once.
    assert told == [(1, 2, 4), (4, True, True), 1, (2, 2, 4), (4, True, True), 2]


@pytest.mark.parametrize("mirrored_is_same", [True, False])
def test_augmentation_mirrors_only_what_may_be_mirrored(shades, mirrored_is_same):
    """A dot on the left is one class and on the right another: learnt only if never mirrored."""
    images = np.zeros((320, 18, 18, 3), np.uint8)
    truth = np.arange(320) % 2
    images[truth == 0, 6:10, 2:6] = 255
    images[truth == 1, 6:10, 12:16] = 255
    split = replace(shades.train, images=images, truth=truth)
    dots = replace(shades, train=split, val=split, test=split, mirrored_is_same=mirrored_is_same)
    history = fit(small_network(classes=2), dots, Recipe(epochs=3, augment=("flip",)))
    assert (history[-1].train.accuracy > 0.95) != mirrored_is_same


def test_averaging_saves_the_mean_of_the_last_epochs_weights(shades):
    states: list[TrainingState] = []
    network = small_network()
    recipe = Recipe(epochs=3, average_epochs=2)
    fit(network, shades, recipe, on_epoch=states.append)
    second, third = (state.variables[:2] for state in states[1:])
    for mean, one, other in zip(network.get_weights(), second, third, strict=True):
        assert mean == pytest.approx((one + other) / 2, abs=1e-7)


def test_bfloat16_learns_as_float32_does_and_leaves_float32_weights(shades):
    networks = {precision: small_network() for precision in ("float32", "bfloat16")}
    last = {
        precision: fit(network, shades, replace(PLAIN, precision=precision))[-1]
        for precision, network in networks.items()
    }
    assert last["bfloat16"].test.loss == pytest.approx(last["float32"].test.loss, rel=0.05)
    assert not same_weights(*networks.values())
    assert {array.dtype for array in networks["bfloat16"].get_weights()} == {np.dtype(np.float32)}


def test_balanced_classes_count_the_same_however_many_images_they_have(shades):
    """Features that tell nothing: all that can be learnt is how often each class counts."""
    truth = np.array([0] * 100 + [1] * 20)
    split = replace(shades.train, images=np.zeros((120, 18, 18, 3), np.uint8), truth=truth)
    uneven = replace(shades, labels=("often", "rarely"), train=split, val=split, test=split)
    shares = []
    for balance in (False, True):
        network = small_network(classes=2)
        fit(network, uneven, Recipe(epochs=5, batch_size=8, learning_rate=0.1, balance=balance))
        shares.append(probabilities(network, split.images[:1])[0, 1])
    assert shares == pytest.approx([1 / 6, 1 / 2], abs=0.05)


def test_a_student_learns_from_its_teacher_alone(shades):
    """A teacher that calls everything bright, and a loss of which all is his."""
    teacher, student = small_network(), small_network(seed=1)
    teacher.set_weights([np.zeros((18 * 18 * 3, 3)), np.array([0.0, 0.0, 4.0])])
    recipe = Recipe(epochs=10, teacher="teacher.h5", teacher_share=1.0, temperature=1.0)
    fit(student, shades, recipe, teacher=TeacherFile(teacher, "", ""))
    assert (probabilities(student, shades.test.images).argmax(1) == 2).all()


@pytest.mark.parametrize("arch", ["cnn", "resnet8", "nano"])
def test_a_network_has_a_copy_that_computes_in_bfloat16_and_answers_in_float32(arch):
    network = build(Design(arch), 32, 32, 3)
    copy = fast_copy(network, "bfloat16")
    assert copy.layers[1].compute_dtype == "bfloat16"
    assert copy.layers[-1].compute_dtype == "float32"
    assert {variable.dtype for variable in copy.trainable_variables} == {"float32"}
    images = np.random.default_rng(0).random((4, 32, 32, 3), np.float32)
    given = [np.asarray(net(images, training=False), np.float32) for net in (network, copy)]
    assert given[0] == pytest.approx(given[1], abs=0.05)


def test_float32_without_batch_normalisation_needs_no_copy():
    network = build(Design(), 18, 18, 2)
    assert fast_copy(network, "float32") is network


def test_it_takes_uint8_and_gives_back_the_network_s_weights():
    network = build(Design("nano"), 16, 16, 2)
    learning = compiled_to_fit(network, Recipe(arch="nano", precision="bfloat16"), steps=4)
    assert learning.inputs[0].dtype == "uint8"
    assert all(map(np.array_equal, fitted_weights(learning), network.get_weights()))


def test_a_float32_copy_has_the_same_weights_and_answers():
    network = build(Design("nano"), 32, 32, 3)
    copy = fast_copy(network, "float32")
    assert (
        sum(isinstance(layer, FusedBatchNormalization) for layer in copy.layers) == 5
    )  # all but the 24 wide
    assert all(map(np.array_equal, copy.get_weights(), network.get_weights()))
    images = np.random.default_rng(0).random((4, 32, 32, 3), np.float32)
    given = [np.asarray(net(images, training=False)) for net in (network, copy)]
    assert given[0] == pytest.approx(given[1], abs=1e-5)
