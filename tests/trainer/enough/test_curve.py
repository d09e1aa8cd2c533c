import numpy as np
import pytest

from edgecls.trainer.enough.curve import learning_curve


def is_train(count: int) -> np.ndarray:
    return np.arange(count) % 10 < 7


def test_accuracy_grows_with_the_pictures_to_learn_from(of_blobs):
    curve = learning_curve(of_blobs(400, distance=1.2, burst=1), is_train(400), is_test_given=False)
    values = [point.accuracy for point in curve.points]
    assert [point.pictures for point in curve.points] == pytest.approx([70, 140, 210, 280], abs=4)
    assert values == sorted(values)
    assert values[-1] > values[0] + 0.02
    assert all(point.interval.low <= point.accuracy <= point.interval.high for point in curve.points)
    assert curve.gain is not None
    assert 0 < curve.gain < 0.1
    assert curve.doubled == pytest.approx(560, abs=4)


def test_what_twice_as_many_bring_lies_in_the_interval(of_blobs):
    hits = 0
    for seed in range(8):
        few, many = (
            learning_curve(
                of_blobs(count, distance=1.2, burst=1, seed=seed), is_train(count), is_test_given=False
            )
            for count in (300, 600)
        )
        real = many.points[-1].accuracy - few.points[-1].accuracy
        assert few.gain_interval is not None
        hits += few.gain_interval.low <= real <= few.gain_interval.high
    assert hits >= 7


def test_where_nothing_is_wrong_there_is_nothing_to_extrapolate(of_blobs):
    curve = learning_curve(of_blobs(400, distance=12), is_train(400), is_test_given=False)
    assert curve.points[-1].accuracy == 1
    assert curve.gain is None


def test_bursts_are_whole(of_blobs):
    """Else the curve of random labels would look good."""
    of = of_blobs(400, distance=0, burst=8)
    curve = learning_curve(of, is_train(400), is_test_given=False)
    assert curve.points[-1].accuracy < 0.45


def test_a_test_part_of_its_own_alone_is_asked(of_blobs):
    of = of_blobs(400)
    curve = learning_curve(of, is_train(400), is_test_given=True)
    assert curve.asked == 120
    assert [point.pictures for point in curve.points] == pytest.approx([70, 140, 210, 280], abs=4)


def test_the_same_seed_gives_the_same(of_blobs):
    of = of_blobs(200, distance=1)
    assert learning_curve(of, is_train(200), is_test_given=False) == learning_curve(
        of, is_train(200), is_test_given=False
    )
