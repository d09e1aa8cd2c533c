from dataclasses import replace

import numpy as np
import pytest
from edgecls.trainer.backend import keras
from edgecls.trainer.checkpoint import TrainingState
from edgecls.trainer.fit import PATIENCE_EPOCHS, fit, probabilities
from edgecls.trainer.history import best_epoch, figures
from edgecls.trainer.network import build, compile_documented
from edgecls.trainer.progress import Progress
from edgecls.trainer.recipe import Recipe

PLAIN = Recipe(epochs=3)
ALL = Recipe(epochs=3, augment=True, dropout=0.2, early_stopping=True, seed=5)


def small_network(seed: int = 0, dropout: float = 0.0, classes: int = 3) -> keras.Model:
    """Any network can be fitted; this one is traced in a fraction of the CNN's time."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((18, 18, 3)),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    compile_documented(network)
    return network


def same_weights(one: keras.Model, other: keras.Model) -> bool:
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def without_time(history):
    return [replace(epoch, seconds=0) for epoch in history]


def test_the_documented_cnn_learns_and_its_figures_are_those_of_keras(shades):
    keras.utils.set_random_seed(0)
    network = build("cnn", 18, 18, 3)
    history = fit(network, shades, Recipe(epochs=10))
    assert [epoch.number for epoch in history] == list(range(1, 11))
    assert history[-1].test.accuracy > 0.9
    for split, found in ((shades.val, history[-1].val), (shades.test, history[-1].test)):
        loss, accuracy = network.evaluate(split.images / np.float32(255), split.truth, verbose=0)
        assert (found.loss, found.accuracy) == pytest.approx((loss, accuracy), rel=1e-4)


def test_it_does_what_keras_s_own_fit_does_on_the_same_batches(shades):
    ours, theirs = small_network(), small_network()
    fit(ours, shades, replace(PLAIN, epochs=2))
    for epoch in range(2):
        order = np.random.default_rng((0, epoch)).permutation(len(shades.train))
        images = shades.train.images[order].astype(np.float32) / 255
        theirs.fit(images, shades.train.truth[order], batch_size=32, shuffle=False, verbose=0)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.abs(one - other).max() < 1e-5


@pytest.mark.parametrize("recipe", [PLAIN, ALL], ids=["documented", "every option"])
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
        fit(networks[-1], shades, replace(ALL, seed=seed, epochs=1))
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
    kept = figures(probabilities(network, misleading.val.images), misleading.val.truth)
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

        def batch_done(self, loss, accuracy):
            told.append((loss > 0, 0 <= accuracy <= 1))

        def epoch_done(self, epoch):
            told.append(epoch.number)

    fit(small_network(), shades, replace(PLAIN, epochs=2), progress=Recorder())
    assert told == [(1, 2, 4), *[(True, True)] * 4, 1, (2, 2, 4), *[(True, True)] * 4, 2]


@pytest.mark.parametrize("mirrored_is_same", [True, False])
def test_augmentation_mirrors_only_what_may_be_mirrored(shades, mirrored_is_same):
    """A dot on the left is one class and on the right another: learnt only if never mirrored."""
    images = np.zeros((320, 18, 18, 3), np.uint8)
    truth = np.arange(320) % 2
    images[truth == 0, 6:10, 2:6] = 255
    images[truth == 1, 6:10, 12:16] = 255
    split = replace(shades.train, images=images, truth=truth)
    dots = replace(shades, train=split, val=split, test=split, mirrored_is_same=mirrored_is_same)
    history = fit(small_network(classes=2), dots, Recipe(epochs=3, augment=True))
    assert (history[-1].train.accuracy > 0.95) != mirrored_is_same
