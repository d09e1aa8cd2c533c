import numpy as np
import pytest

from edgecls.data.answers import best_order, is_far_better, order_note, weak_answers

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


def test_another_order_of_labels_is_told_where_it_fits_far_better():
    order = best_order((TRUTH + 1) % 4, TRUTH)
    assert order is not None
    assert order.right.all()
    assert order.reordered(LABELS) == (LABELS[-1], *LABELS[:-1])
    assert "100% of the answers are right, and 0% as they are" in (
        order_note((TRUTH + 1) % 4, TRUTH, LABELS) or ""
    )
    assert order_note(TRUTH, TRUTH, LABELS) is None


def test_an_order_that_only_chance_makes_better_is_not_told():
    guesses = np.random.default_rng(0).integers(0, 4, len(TRUTH))
    best_by_chance = best_order(guesses, TRUTH)
    assert best_by_chance is not None
    assert not is_far_better(best_by_chance.right, guesses == TRUTH)


def test_labels_without_pictures_leave_an_order_open_unless_it_is_the_alphabet():
    labels = ("c", "b", "a", "e", "d")
    truth = np.arange(40) % 3
    outputs = np.array([2, 1, 0])[truth]  # of the alphabet
    order = best_order(outputs, truth)
    assert order is not None
    assert order.reordered(labels) == tuple("abcde")
    other = best_order(np.array([3, 1, 0])[truth], truth)
    assert other is not None
    assert other.reordered(labels) is None
