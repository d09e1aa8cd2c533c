from dataclasses import replace

import numpy as np
import pytest

from edgecls.data.load import Dataset
from edgecls.trainer.features import Features, PictureView, view_features
from edgecls.trainer.frozen import fit_frozen
from edgecls.trainer.networks import Design, build
from edgecls.trainer.networks.design import ARCHITECTURES
from edgecls.trainer.recipe import named_recipe
from edgecls.trainer.tuned import fit_tuned

ARCH = "lite0-4"
RECIPE = replace(named_recipe("frozen", ARCH), epochs=3)
TUNED = replace(named_recipe("tuned", ARCH), epochs=2, batch_size=40, learning_rate=1e-4)


@pytest.fixture(scope="module")
def shades32(shades) -> Dataset:
    """The same as `shades`, 32x32 px."""

    def larger(split):
        return replace(split, images=np.pad(split.images, ((0, 0), (7, 7), (7, 7), (0, 0)), mode="reflect"))

    parts = {part: larger(getattr(shades, part)) for part in ("train", "val", "test")}
    return replace(shades, **parts)


def network():
    return build(Design(ARCH), 32, 32, classes=3)


def test_only_the_last_layer_is_fitted_and_it_tells_the_classes(shades32):
    before, fitted = network(), network()
    history, plain = fit_frozen(fitted, shades32, RECIPE)
    assert [epoch.number for epoch in history] == [1, 2, 3]
    assert history[-1].test.accuracy > 0.9
    *trunk, _, _ = zip(before.get_weights(), fitted.get_weights(), strict=True)
    assert all((one == other).all() for one, other in trunk)
    assert [part.shape for part in (plain.train, plain.val, plain.test)] == [(120, 80), (30, 80), (30, 80)]
    answers = Features(fitted, ARCHITECTURES[ARCH].pixels).of(shades32.test.images)
    np.testing.assert_allclose(answers, plain.test, atol=0.01)


def test_an_interrupted_one_goes_on_to_the_same_end(shades32):
    whole, resumed = network(), network()
    states = []
    fit_frozen(whole, shades32, RECIPE, on_pass=states.append)
    assert [len(state.history) for state in states] == [1, 2]  # after the last pass nothing is left to do
    history, _ = fit_frozen(resumed, shades32, RECIPE, start=states[-1])
    assert len(history) == 3
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_features_may_be_computed_elsewhere(shades32):
    asked: list[tuple[int, int]] = []
    here = view_features(Features(network(), ARCHITECTURES[ARCH].pixels))

    def elsewhere(images, view: PictureView, done):
        asked.append((len(images), view.number))
        return here(images, view, done)

    fit_frozen(network(), shades32, replace(RECIPE, epochs=2), features=elsewhere)
    assert asked == [(120, 0), (30, 0), (30, 0), (120, 1)]


def test_without_augmentation_one_pass_sees_all_there_is(shades32):
    history, _ = fit_frozen(network(), shades32, replace(RECIPE, augment=()))
    assert len(history) == 1


def test_a_view_is_the_same_each_time_and_another_for_each_number(shades32):
    images = shades32.train.images[:8]
    first, second = PictureView(1, ("crop",), seed=0), PictureView(2, ("crop",), seed=0)
    np.testing.assert_array_equal(PictureView(0, ("crop",)).of(images, 0), images)
    np.testing.assert_array_equal(first.of(images, 0), first.of(images, 0))
    assert (first.of(images, 0) != second.of(images, 0)).any()


def test_tuning_changes_all_layers_but_the_normalisation_and_resumes_to_the_same_end(shades32):
    before, whole, resumed = network(), network(), network()
    states = []
    fit_tuned(whole, shades32, TUNED, on_epoch=states.append)
    for layer in before.layers:
        same = [
            (one == other).all()
            for one, other in zip(layer.get_weights(), whole.get_layer(layer.name).get_weights(), strict=True)
        ]
        assert all(same) is (layer.name.endswith("_norm") or not same)
    assert all(layer.trainable for layer in whole.layers)  # the saved file can be trained as any other
    history = fit_tuned(resumed, shades32, TUNED, start=states[0])
    assert [epoch.number for epoch in history] == [1, 2]
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
