import numpy as np
import pytest
from edgecls.export.ranges import min_max_ranges, narrowed_ranges

RNG = np.random.default_rng(0)
BELL = RNG.normal(size=(4, 50_000)).astype(np.float32)


def narrowed(values, method):
    activations = [{"x": one} for one in values]
    return narrowed_ranges(activations, min_max_ranges(activations), method)["x"]


def test_the_whole_range_is_that_of_all_images_and_holds_zero():
    activations = [
        {"a": np.array([1.0, 2.0]), "b": np.array([-3.0])},
        {"a": np.array([5.0]), "b": np.array([-1.0])},
    ]
    assert min_max_ranges(activations) == {"a": (0, 5), "b": (-3, 0)}


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_a_few_outliers_are_clipped(method):
    spiked = BELL.copy()
    spiked[0, 0] = 100
    low, high = narrowed(spiked, method)
    assert 2 < high < 10
    assert -10 < low < 0


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_what_is_spread_evenly_keeps_nearly_its_whole_range(method):
    even = RNG.uniform(-1, 1, (4, 50_000)).astype(np.float32)
    low, high = narrowed(even, method)
    assert low < -0.95
    assert high > 0.95


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_what_is_never_negative_has_a_range_from_zero(method):
    low, high = narrowed(np.maximum(BELL, 0), method)
    assert low == 0
    assert 2 < high < 5


def test_zeros_of_a_relu_do_not_hide_outliers_from_the_percentile():
    few = np.zeros((1, 1_000_000), np.float32)
    few[0, :20_000] = np.abs(RNG.normal(size=20_000))
    assert narrowed(few, "percentile")[1] > 3  # of all values, zeros included, 99.99 % are below 2.6


@pytest.mark.parametrize("method", ["min-max", "percentile", "entropy"])
def test_an_activation_that_is_always_zero_has_no_range(method):
    assert narrowed(np.zeros((2, 10), np.float32), method) == (0, 0)
