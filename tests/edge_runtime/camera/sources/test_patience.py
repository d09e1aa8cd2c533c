"""Patience: how long to wait for the next frame of a camera, by the interval between those that came."""

from dataclasses import astuple

import pytest

from edgecls.edge_runtime.camera.sources.patience import CameraInterval, CrashWatch, Patience

PATIENCE = Patience()


def limit_s(*captured_at_s: float, rate_fps: float | None = None, patience=PATIENCE, step=1) -> float:
    """The limit after frames of these times, of which only every `step`th was seen."""
    interval = CameraInterval()
    interval.states(rate_fps)
    for index, at_s in enumerate(captured_at_s):
        interval.add(1 + index * step, at_s)
    return interval.limit(patience, one_shot=False)[0]


def test_a_normal_camera_has_five_seconds():
    assert limit_s(*[frame / 30 for frame in range(100)]) == 5
    assert limit_s(0, 1, 2) == 5


def test_a_slow_camera_has_three_of_its_intervals():
    assert limit_s(0, 6, 12) == 18
    assert limit_s(0, 10, 21, 30) == 33


def test_frames_that_a_slow_reader_skips_do_not_make_the_camera_slow():
    assert limit_s(0, 10, 20, step=300) == 5


def test_one_long_interval_is_forgotten():
    assert limit_s(0, 4, 5, 6) == 12
    assert limit_s(0, 4, 5, 6, 7, 8, 9) == 5


def test_after_its_first_frame_a_camera_has_more_time_unless_it_states_its_rate():
    assert limit_s(0) == 30
    assert limit_s(0, rate_fps=25) == 5
    assert limit_s(0, rate_fps=0.1) == 30


def test_a_camera_that_is_slower_than_it_states_has_more_time_when_it_is_opened_again():
    interval = CameraInterval()
    interval.states(25)
    interval.add(1, 0)
    interval.restart()
    interval.states(25)
    interval.add(2, 0)

    assert interval.limit(PATIENCE, one_shot=False)[0] == 30


def test_a_camera_that_is_opened_again_may_be_another():
    interval = CameraInterval()
    for frame in range(5):
        interval.add(frame, frame * 10)
    interval.restart()
    for frame in range(5):
        interval.add(5 + frame, 100 + frame / 30)

    assert interval.limit(PATIENCE, one_shot=False)[0] == 5


def test_the_limit_of_a_user_holds():
    patience = PATIENCE.with_limit(20)

    assert limit_s(0, 10, 20, patience=patience) == 20
    assert limit_s(0, 0.1, 0.2, patience=patience) == 20
    assert limit_s(0, 10, patience=PATIENCE.with_limit(2)) == 2
    assert PATIENCE.with_limit(None) == PATIENCE


@pytest.mark.parametrize("limit", [2, 120])
def test_the_limit_of_a_user_leaves_the_time_that_opening_takes(limit):
    patience = PATIENCE.with_limit(limit)

    assert patience.opening_s(0) == limit
    assert patience.first_frame_s >= max(20, limit)
    assert patience.key_frame_s >= max(45, limit)
    assert patience.frozen_s >= max(10, limit)


def test_six_crashes_within_a_minute_are_too_many_and_said_once():
    watch = CrashWatch()
    assert [bool(watch.add(at_s)) for at_s in (0, 12, 24, 36, 48, 60, 61)] == [False] * 5 + [True, False]
    watch.recovered()
    assert watch.add(62) == "the capture process crashed 6 times in 60 s"


def test_six_crashes_in_more_than_a_minute_are_not_too_many():
    watch = CrashWatch()
    assert not any(watch.add(at_s) for at_s in (0, 12.2, 24.4, 36.6, 48.8, 61, 73.2, 85.4, 97.6))


def test_the_times_that_everybody_gets():
    """Each is a promise of the documentation, or was measured on cameras."""
    assert astuple(Patience()) == (5, 30, 20, 30, 45, 60, 1, 30, 30, 10, True)
