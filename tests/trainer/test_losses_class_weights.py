import numpy as np
import pytest

from edgecls.data.load import Dataset, Split
from edgecls.trainer.losses import LARGEST_WEIGHT, class_weights, imbalance_line


def dataset(*counts: int) -> Dataset:
    truth = np.repeat(np.arange(len(counts)), counts)
    split = Split(np.zeros((len(truth), 2, 2, 3), np.uint8), truth)
    return Dataset("it", ("cat", "dog", "owl")[: len(counts)], split, split, split, "")


def test_each_class_as_a_whole_counts_the_same():
    weights = class_weights(np.repeat([0, 1, 2], [80, 15, 5]), 3)
    assert weights * [80, 15, 5] == pytest.approx([100 / 3] * 3)


def test_even_classes_weigh_one():
    assert class_weights(np.arange(30) % 3, 3).tolist() == [1, 1, 1]


def test_a_weight_is_limited_and_a_class_without_images_has_none():
    assert class_weights(np.repeat([0, 1], [997, 3]), 3).tolist() == [
        pytest.approx(1000 / 3 / 997),
        LARGEST_WEIGHT,
        0,
    ]


def test_uneven_classes_are_named_with_their_counts_and_what_to_do():
    line = imbalance_line(dataset(1200, 500, 400), balance=False)
    assert line is not None
    assert line.startswith("uneven classes: cat has 1,200 training images, owl has 400; --balance uses")
    line = imbalance_line(dataset(1200, 500, 400), balance=True)
    assert line is not None
    assert line.endswith("owl has 400; class weights balance them; more pictures of owl are better")


def test_classes_that_are_not_very_uneven_are_passed_over():
    assert imbalance_line(dataset(299, 100, 150), balance=True) is None
