import numpy as np
import pytest
from edgecls.benchmarks.corruptions.scores import Drop, Scores
from edgecls.benchmarks.intervals import Interval


def test_accuracies_are_shares_of_the_images(scores):
    assert scores.accuracy == 0.8
    assert scores.accuracies("jpeg") == (0.8, 0.8, 0.7, 0.5, 0.4)
    assert scores.mean_accuracies == pytest.approx((0.72, 0.72, 0.7, 0.66, 0.64))
    assert scores.mean_accuracy == pytest.approx(0.688)


def test_drops_are_points_lost_from_the_images_as_they_are(scores):
    assert scores.drop.points == pytest.approx(11.2)
    assert scores.drop_under("jpeg").points == pytest.approx(16)
    assert scores.drop_under("blur").points == pytest.approx(10)
    assert scores.drop_at("jpeg", 3).points == pytest.approx(30)


def test_jpegs_loss_is_from_quality_100_to_50(scores):
    assert scores.jpeg_drop.points == pytest.approx(30)


def test_nothing_lost_is_certain():
    same = Scores(np.array([True, False]), {"jpeg": np.array([[True, False]] * 5)})
    assert same.drop == Drop(0.0, Interval(0.0, 0.0))


def test_a_drop_of_one_level_has_its_exact_paired_interval():
    pytest.importorskip("scipy")
    from edgecls.benchmarks.intervals import paired_difference

    before, after = np.arange(100) < 80, (np.arange(100) < 60) | (np.arange(100) >= 95)
    found = Scores(before, {"jpeg": np.stack([after] * 5)}).drop_at("jpeg", 0)
    expected = paired_difference(20, 5, 100)
    assert found.points == 15
    assert found.interval_points == Interval(100 * expected.low, 100 * expected.high)
