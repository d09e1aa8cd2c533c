import numpy as np
import pytest

from edgecls.data.answers import weak_answers

LABELS = ("cup", "plate", "fork", "spoon")
TRUTH = np.repeat([0, 1, 2, 3], 10)


def test_good_and_fair_answers_pass():
    assert weak_answers(TRUTH, TRUTH, LABELS) is None
    assert weak_answers(np.where(np.arange(40) % 2, TRUTH, 0), TRUTH, LABELS) is None


def test_one_class_for_everything_is_named_even_where_most_images_are_of_it():
    assert weak_answers(np.ones(40, int), TRUTH, LABELS) == "every test image is taken for plate"
    uneven = np.repeat([0, 1], [95, 5])
    assert weak_answers(np.zeros(100, int), uneven, LABELS[:2]) == "every test image is taken for cup"


def test_chance_is_recognised_also_behind_a_large_class():
    guesses = np.random.default_rng(0).integers(0, 4, 40)
    assert "for 4 classes is not clearly better than chance (25%) on 40 test images" in (
        weak_answers(guesses, TRUTH, LABELS) or ""
    )
    uneven = np.repeat([0, 1], [90, 10])
    nearly_all = np.where(np.arange(100) == 50, 1, 0)
    assert "not clearly better than chance (50%) on 100 test images" in (
        weak_answers(nearly_all, uneven, LABELS[:2]) or ""
    )


@pytest.mark.parametrize("count", [4, 6, 8, 10, 200])
def test_half_of_two_classes_right_is_chance_with_any_count(count: int):
    truth = np.repeat([0, 1], count // 2)
    told = weak_answers(np.where(np.arange(count) % 2, truth, 1 - truth), truth, LABELS[:2]) or ""
    assert f"not clearly better than chance (50%) on {count} test images" in told
    assert weak_answers(truth, truth, LABELS[:2]) is None


@pytest.mark.parametrize("count", [2, 3])
def test_a_handful_of_images_proves_nothing(count: int):
    assert weak_answers(np.zeros(count, int), np.arange(count) % 2, LABELS[:2]) is None
