"""Rates: frames per second and percentiles."""

import pytest

from edgecls.edge_runtime.camera.rates import Ages, FrameRate, Latencies, RecentAges


def fed(times_s, **options) -> float | None:
    rate = FrameRate(**options)
    last = None
    for time_s in times_s:
        last = rate.add(time_s)
    return last


def test_one_frame_has_no_rate():
    assert fed([100.0]) is None


def test_frames_at_the_same_instant_have_none_either():
    assert fed([100.0, 100.0]) is None


@pytest.mark.parametrize("fps", [0.1, 1.0, 12.5, 240.0])
def test_a_steady_source_has_its_own_rate(fps):
    assert fed(index / fps for index in range(100)) == pytest.approx(fps)


def test_only_the_window_counts():
    slow_then_fast = [index / 2 for index in range(20)] + [10 + index / 30 for index in range(300)]
    assert fed(slow_then_fast, window_s=5.0) == pytest.approx(30, rel=0.01)


def test_a_pause_longer_than_the_window_leaves_the_last_two_frames():
    assert fed([0.0, 0.1, 0.2, 60.2], window_s=5.0) == pytest.approx(1 / 60)


def test_percentiles_are_interpolated():
    latencies = Latencies()
    for duration_ms in (1, 2, 3, 4):
        latencies.add(duration_ms)
    assert latencies.percentiles((0, 50, 100)) == (1.0, 2.5, 4.0)


def test_without_a_duration_there_are_no_percentiles():
    assert Latencies().percentiles((50,)) is None


def test_only_the_newest_are_kept():
    latencies = Latencies(keep=3)
    for duration_ms in range(100):
        latencies.add(duration_ms)
    assert latencies.percentiles((0, 100)) == (97.0, 99.0)


def test_one_age_is_no_distribution():
    assert RecentAges().add(0.0, 12.0) is None


def test_ages_older_than_the_window_do_not_count():
    ages = RecentAges(window_s=60)
    for second in range(60):
        ages.add(second, 500.0)
    for second in range(60, 180):
        recent = ages.add(second, 10.0)
    assert recent == Ages(10.0, 10.0, 10.0)


def test_percentiles_of_ages_are_worked_out_once_a_second_and_not_for_every_frame():
    ages = RecentAges(refresh_s=1.0)
    given = [ages.add(frame / 30, float(frame)) for frame in range(91)]
    assert len({id(recent) for recent in given[1:]}) == 3


def test_a_fast_video_does_not_fill_the_memory():
    ages = RecentAges(refresh_s=0.0, keep=10)
    for frame in range(1000):
        recent = ages.add(frame / 5000, float(frame))
    assert recent == Ages(994.5, pytest.approx(998.55), pytest.approx(998.91))
