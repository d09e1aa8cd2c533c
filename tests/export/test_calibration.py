import numpy as np
import pytest

from edgecls.edge_runtime.errors import BadData
from edgecls.export.calibration import choose_calibration, histograms_of, min_max_ranges, narrowed_ranges


def pictures(count: int) -> np.ndarray:
    """Pictures that can be told apart: each is filled with its own index."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 4, 4, 3)).copy()


def indices(images: np.ndarray) -> list[int]:
    return images[:, 1, 1, 0].tolist()  # a pixel that calibration does not set


def test_classes_get_the_same_share_however_unbalanced_they_are():
    truth = np.array([0] * 90 + [1] * 5 + [2] * 5)
    chosen = choose_calibration(pictures(100), truth, seed=0, count=12)
    counts = np.bincount(truth[indices(chosen.images)], minlength=3)
    assert counts.tolist() == [4, 4, 4]


def test_a_small_class_is_used_up_and_the_others_fill_the_rest():
    truth = np.array([0] * 50 + [1] * 2)
    chosen = choose_calibration(pictures(52), truth, seed=0, count=10)
    assert np.bincount(truth[indices(chosen.images)]).tolist() == [8, 2]


def test_the_seed_decides_and_no_image_is_taken_twice():
    truth = np.arange(60) % 3
    first, again, other = (choose_calibration(pictures(60), truth, seed, count=20) for seed in (1, 1, 2))
    assert first.sha256 == again.sha256 != other.sha256
    assert len(set(indices(first.images))) == 20


def test_all_images_are_taken_where_there_are_fewer_than_asked():
    assert len(choose_calibration(pictures(7), np.zeros(7, int), seed=0, count=500).images) == 7


def test_the_range_of_a_byte_is_covered_even_by_dull_pictures_which_stay_as_they_were():
    dull = np.full((5, 4, 4, 3), 100, np.uint8)
    chosen = choose_calibration(dull, np.zeros(5, int), seed=0, count=5).images
    assert (chosen.min(), chosen.max()) == (0, 255)
    assert (dull == 100).all()


def test_no_training_images_is_bad_data():
    with pytest.raises(BadData, match="no training images"):
        choose_calibration(np.zeros((0, 4, 4, 3), np.uint8), np.zeros(0, int), seed=0)


RNG = np.random.default_rng(0)
BELL = RNG.normal(size=(4, 50_000)).astype(np.float32)


def narrowed(values, method):
    activations = [{"x": one} for one in values]
    return narrowed_ranges(histograms_of(activations, min_max_ranges(activations)), method)["x"]


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
