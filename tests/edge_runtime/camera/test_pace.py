import itertools

import pytest
from edgecls.edge_runtime.camera.pace import FixedRate, Pace


class Clock:
    """Stands still until it is told to go on."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def taken_at(pace: Pace, clock: Clock, delays_s) -> list[float]:
    """When frames are taken, each so long after it is due."""
    times = []
    for delay_s in delays_s:
        clock.now_s += pace.pause_s() + delay_s
        pace.took()
        times.append(clock.now_s)
    return times


def test_without_a_limit_every_frame_is_due():
    pace = Pace()
    pace.took()
    assert pace.pause_s() == 0


def test_the_first_frame_is_due_at_once():
    assert Pace([FixedRate(1)]).pause_s() == 0


def test_frames_come_on_a_steady_grid_however_late_each_is():
    clock = Clock()
    delays_s = [0.0, *([0.03, 0.001, 0.06] * 100)]
    times = taken_at(Pace([FixedRate(10)], clock), clock, delays_s)
    drift_s = [time_s - delay_s - 100.0 - 0.1 * n for n, (time_s, delay_s) in enumerate(zip(times, delays_s))]  # noqa: B905
    assert drift_s == pytest.approx([0.0] * len(times), abs=1e-6)


def test_after_a_stall_nothing_is_made_up_for():
    clock = Clock()
    times = taken_at(Pace([FixedRate(10)], clock), clock, [0, 0, 5.0, 0, 0])
    gaps_s = [after - before for before, after in itertools.pairwise(times)]
    assert gaps_s == pytest.approx([0.1, 5.1, 0.1, 0.1])


def test_the_narrowest_limit_holds():
    clock = Clock()
    times = taken_at(Pace([FixedRate(20), FixedRate(4), FixedRate(9)], clock), clock, [0, 0])
    assert times[1] - times[0] == pytest.approx(0.25)


def test_a_limit_is_told_the_rate_and_may_change_its_mind():
    class Halving:
        told: list[float | None] = []  # noqa: RUF012

        def highest_fps(self, rate_fps, now_s) -> float:
            self.told.append(rate_fps)
            return 10.0 if now_s < 101 else 5.0

    clock, limit = Clock(), Halving()
    times = taken_at(Pace([limit], clock), clock, [0] * 20)
    assert limit.told[0] is None
    assert limit.told[5] == pytest.approx(10.0)
    assert times[-1] - times[-2] == pytest.approx(0.2)
