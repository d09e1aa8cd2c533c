import builtins

import numpy as np
import pytest

from edgecls.benchmarks.accuracy import mcnemar_p, paired_difference, paired_mean, percentage, score, share

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


def test_the_interval_of_a_share_is_wilsons():
    # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3: 81 of 263.
    interval = share(81, 263)
    assert interval.low == pytest.approx(0.2553, abs=5e-5)
    assert interval.high == pytest.approx(0.3662, abs=5e-5)


def test_a_share_of_all_or_none_still_has_an_interval():
    assert share(10, 10).low < 1
    assert share(10, 10).high == pytest.approx(1)
    assert share(0, 10).high > 0.2


@pytest.mark.parametrize(("gained", "lost"), [(1, 9), (0, 6), (0, 5), (5, 5), (40, 60), (40, 61), (0, 1)])
def test_the_interval_of_a_difference_excludes_zero_just_where_mcnemar_finds_one(gained, lost):
    interval = paired_difference(gained, lost, 10_000)
    assert (interval.high < 0) == (mcnemar_p(gained, lost) < 0.05)
    assert interval.low <= (gained - lost) / 10_000 <= interval.high


def test_mcnemars_p_is_the_two_sided_binomial_of_the_images_that_differ():
    assert mcnemar_p(1, 9) == pytest.approx(2 * (1 + 10) / 2**10)


def test_files_that_never_differ_have_no_difference_and_no_doubt_about_it():
    assert paired_difference(0, 0, 100) == paired_difference(0, 0, 5)
    assert mcnemar_p(0, 0) == 1


def test_more_images_make_it_narrower():
    few, many = share(70, 100), share(7000, 10_000)
    assert many.high - many.low < (few.high - few.low) / 5


def test_a_device_without_scipy_has_no_intervals(monkeypatch):
    real = builtins.__import__

    def without_scipy(name, *arguments, **options):
        if name.startswith("scipy"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_scipy)
    assert share(7, 10) is paired_difference(1, 2, 10) is mcnemar_p(1, 2) is None


def test_the_mean_of_paired_differences_lies_in_95_of_100_intervals():
    random = np.random.default_rng(0)
    levels = random.random((400, 500, 1)) < random.random((400, 500, 5))  # an image's resemble each other
    intervals = [paired_mean(experiment.mean(axis=1)) for experiment in levels]
    hits = sum(interval.low <= 0.5 <= interval.high for interval in intervals)
    assert 0.92 <= hits / 400 <= 0.98


def test_an_accuracy_is_shown_with_an_interval_that_ends_at_100_percent():
    ends = share(264, 269)
    assert ends
    assert percentage(264 / 269, ends.low, ends.high) == "98.14 (95.7-99.2)"
    assert percentage(0.5, None, None) == "50.00"
