import numpy as np
import pytest

from edgecls.benchmarks.accuracy import score

TRUTH = np.array([0, 0, 1, 1, 2, 2])


def sure_of(labels: list[int], confidence: float = 1.0) -> np.ndarray:
    rest = (1 - confidence) / 2
    return np.where(np.eye(3)[labels] == 1, confidence, rest).astype(np.float32)


def test_the_confusion_matrix_has_the_truth_in_its_rows():
    report = score(sure_of([0, 1, 1, 1, 0, 2]), TRUTH, None)
    assert report.confusion == ((1, 1, 0), (0, 2, 0), (1, 0, 1))
    assert report.recalls == (0.5, 1, 0.5)
    assert report.correct == 4
    assert report.interval.low < report.accuracy < report.interval.high


def test_a_class_without_images_has_no_recall():
    assert score(sure_of([0, 1]), np.array([0, 1]), None).recalls == (1, 1, None)


def test_the_loss_is_the_mean_cross_entropy_and_never_infinite():
    assert score(sure_of([0, 0, 1, 1, 2, 2], 0.5), TRUTH, None).loss == pytest.approx(np.log(2))
    assert score(sure_of([1, 0, 1, 1, 2, 2]), TRUTH, None).loss == pytest.approx(-np.log(1e-7) / 6, rel=1e-3)


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy():
    half_right = [0, 1, 1, 2, 2, 0]
    assert score(sure_of(half_right, 0.9), TRUTH, None).calibration_error == pytest.approx(0.4)
    assert score(sure_of([0, 0, 1, 1, 2, 2]), TRUTH, None).calibration_error == pytest.approx(0)


def test_over_and_under_confidence_in_one_bin_cancel_and_in_two_do_not():
    probabilities = np.concatenate([sure_of([0, 1], 0.9), sure_of([1, 2], 0.5)])
    report = score(probabilities, np.array([0, 0, 1, 2]), None)  # 0.9: half right; 0.5: all right
    assert report.calibration_error == pytest.approx(0.45)


def test_the_images_that_flipped_are_named_both_ways():
    report = score(sure_of([0, 0, 0, 1, 2, 2]), TRUTH, sure_of([1, 1, 1, 1, 2, 2]))
    assert report.paired.gained == (0, 1)
    assert report.paired.lost == (2,)
    assert report.paired.difference_points == pytest.approx(100 / 6)
    assert report.paired.agreement == 0.5
    assert report.paired.p_value == 1
    assert report.paired.interval_points.low < 0 < report.paired.interval_points.high


def test_labels_that_were_shuffled_show_as_lost_images():
    report = score(sure_of([1, 1, 2, 2, 0, 0]), TRUTH, sure_of([0, 0, 1, 1, 2, 2]))
    assert report.paired.lost == (0, 1, 2, 3, 4, 5)
    assert report.paired.p_value < 0.05
    assert report.paired.interval_points.high < 0


def test_other_wrong_labels_flip_nothing():
    report = score(sure_of([1, 0, 1, 1, 2, 2]), TRUTH, sure_of([2, 0, 1, 1, 2, 2]))
    assert report.paired.gained == report.paired.lost == ()
    assert report.paired.agreement == pytest.approx(5 / 6)
