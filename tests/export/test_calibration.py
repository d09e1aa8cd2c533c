import numpy as np
import pytest
from edgecls.edge_runtime.errors import BadData
from edgecls.export.calibration import choose_calibration


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
