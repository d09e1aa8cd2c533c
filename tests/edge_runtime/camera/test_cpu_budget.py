import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from edgecls.edge_runtime.camera.answer import Answer
from edgecls.edge_runtime.camera.cpu_budget import SLOWEST_FPS, CpuBudget, corrected_fps, parse_share
from edgecls.edge_runtime.camera.cpu_time import CpuMeter
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.camera.pace import Pace
from edgecls.edge_runtime.camera.stop import StopRequest
from edgecls.edge_runtime.errors import UsageError

from ...fakes import FakeSink, FakeSource, fake_classifier, frames


@dataclass
class Machine:
    """A camera, and what it costs to look at it; time passes only here."""

    camera_fps: float = 30.0
    capture_share: float = 0.05
    frame_cost_s: float = 0.02
    now_s: float = 0.0
    used_s: float = 0.0

    def run(self, pace: Pace, seconds: float) -> tuple[float, float]:
        """Runs the loop; gives the share of one core and the frames per second."""
        end_s, used_before_s, taken = self.now_s + seconds, self.used_s, 0
        while self.now_s < end_s:
            self._wait(max(pace.pause_s(), 1 / self.camera_fps))
            pace.took()
            self._wait(self.frame_cost_s)
            self.used_s += self.frame_cost_s
            taken += 1
        return (self.used_s - used_before_s) / seconds, taken / seconds

    def _wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.used_s += self.capture_share * seconds

    def pace(self, share: float) -> Pace:
        return Pace([CpuBudget(share, lambda: self.used_s)], lambda: self.now_s)


@pytest.mark.parametrize("capture_share", [0.0, 0.05, 0.15])
@pytest.mark.parametrize("frame_cost_s", [0.012, 0.03, 0.3])
def test_the_budget_is_held_after_a_few_seconds(capture_share, frame_cost_s):
    machine = Machine(capture_share=capture_share, frame_cost_s=frame_cost_s)
    pace = machine.pace(0.25)
    machine.run(pace, 15)
    used, _ = machine.run(pace, 20)
    assert used == pytest.approx(0.25, rel=0.12)


def test_a_budget_that_suffices_costs_no_frame():
    free, held = Machine(frame_cost_s=0.002), Machine(frame_cost_s=0.002)
    _, free_fps = free.run(Pace(), 10)
    _, held_fps = held.run(held.pace(0.5), 10)
    assert held_fps == pytest.approx(free_fps, rel=0.02)


def test_it_follows_a_load_that_changes():
    machine = Machine()
    pace = machine.pace(0.25)
    machine.run(pace, 15)
    machine.frame_cost_s = 0.005  # a scene without detail: cheap to decode
    machine.run(pace, 15)
    used, cheap_fps = machine.run(pace, 10)
    assert used <= 0.26
    machine.frame_cost_s = 0.04
    machine.run(pace, 10)
    used, dear_fps = machine.run(pace, 10)
    assert used == pytest.approx(0.25, rel=0.12)
    assert dear_fps < cheap_fps / 3


def test_a_camera_that_pauses_leaves_no_right_to_a_burst():
    machine = Machine()
    pace = machine.pace(0.25)
    machine.run(pace, 15)
    machine.now_s += 60  # nothing came, nothing was used
    used, _ = machine.run(pace, 3)
    assert used <= 0.35


def test_what_capturing_alone_uses_up_leaves_the_slowest_rate():
    machine = Machine(capture_share=0.4)
    pace = machine.pace(0.25)
    machine.run(pace, 60)
    _, fps = machine.run(pace, 60)
    assert fps == pytest.approx(SLOWEST_FPS, rel=0.2)


def test_a_limit_that_nobody_runs_into_does_not_grow_without_end():
    assert corrected_fps(1e9, 10.0, used=0.001, budget=0.5) == pytest.approx(12.5)


def test_the_loop_of_this_very_process_keeps_its_budget():
    """Five milliseconds of real work a frame, from a source without end: unlimited, it would use a core."""
    meter = CpuMeter()
    readings: list[tuple[float, float]] = []
    stop = StopRequest()

    class Work(FakeSink):
        def write(self, answer: Answer) -> None:  # noqa: ARG002
            until_s = time.process_time() + 0.005
            while time.process_time() < until_s:
                pass
            readings.append((time.monotonic(), meter.used_s()))
            if readings[-1][0] - readings[0][0] > 6:
                stop.request()

    def endless() -> Iterator[Frame]:
        while True:
            yield from frames(100)

    pace = Pace([CpuBudget(0.2, meter.used_s)])
    Loop(fake_classifier((1.0, 0.0, 0.0)), [Work()], pace=pace, stop=stop).run(FakeSource(endless()))
    end_s = readings[-1][0]
    settled = [reading for reading in readings if end_s - reading[0] < 3]
    share = (settled[-1][1] - settled[0][1]) / (settled[-1][0] - settled[0][0])
    assert 0.08 <= share <= 0.28


@pytest.mark.parametrize(("text", "share"), [("25%", 0.25), ("25", 0.25), ("12.5 %", 0.125), ("150%", 1.5)])
def test_a_percentage_is_read(text, share):
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "0", "0.25", "-5%", "a quarter", "25%%", "nan", "1e3"])
def test_what_is_no_percentage_is_refused(text):
    with pytest.raises(UsageError, match="write it as 25%"):
        parse_share(text)
