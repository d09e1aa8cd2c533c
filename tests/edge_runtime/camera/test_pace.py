"""Pace: fixed rates, CPU budget, heat, and frames without motion."""

import itertools
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.answer import Answer
from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.camera.pace import (
    COOL_C,
    HOT_C,
    MIN_FPS,
    POLL_S,
    CpuBudget,
    CpuMeter,
    FixedRate,
    HeatLimit,
    Pace,
    corrected_fps,
    parse_share,
    process_cpu_s,
)
from edgecls.edge_runtime.errors import UsageError
from tests.fakes import Clock, FakeSink, FakeSource, fake_classifier, frames


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
        rates_fps: list[float | None] = []  # noqa: RUF012

        def highest_fps(self, rate_fps, now_s) -> float:
            self.rates_fps.append(rate_fps)
            return 10.0 if now_s < 101 else 5.0

    clock, limit = Clock(), Halving()
    times = taken_at(Pace([limit], clock), clock, [0] * 20)
    assert limit.rates_fps[0] is None
    assert limit.rates_fps[5] == pytest.approx(10.0)
    assert times[-1] - times[-2] == pytest.approx(0.2)


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


def test_the_first_window_sets_the_rate_by_its_frames_and_what_they_cost():
    limit = CpuBudget(0.25, iter((0.0, 0.4, 0.4)).__next__)
    fps = [limit.highest_fps(None, tenth / 10) for tenth in range(11)]
    assert fps[:-1] == [math.inf] * 10
    assert fps[-1] == pytest.approx(10 * 0.25 / 0.4)


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
    assert fps == pytest.approx(MIN_FPS, rel=0.2)


def test_a_limit_that_nobody_runs_into_does_not_grow_without_end():
    assert corrected_fps(1e9, 10.0, used=0.001, budget=0.5) == pytest.approx(12.5)


@pytest.mark.timing
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


BURN = """
import sys, threading, time
def burn(until_s):
    while time.process_time() < until_s: pass
for line in sys.stdin:
    threads = [threading.Thread(target=burn, args=(float(line),)) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(time.process_time(), flush=True)
"""


class Burner:
    """A process that uses as much processor time as it is asked for, in two threads."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def burn(self, until_s: float) -> float:
        """Burns until it has used so much in all; gives what it says that was."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{until_s}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self) -> None:
        self.process.communicate()


def test_another_process_is_measured_with_all_its_threads():
    burner = Burner()
    said_s = burner.burn(0.3)
    measured_s = process_cpu_s(burner.process.pid)
    burner.end()
    assert measured_s is not None
    assert said_s <= measured_s <= said_s + 0.1


def test_a_process_that_is_gone_has_no_time():
    burner = Burner()
    burner.end()
    assert process_cpu_s(burner.process.pid) is None


def test_capture_processes_are_added_up_one_after_the_other():
    first, second = Burner(), Burner()
    pids: list[int | None] = [None]
    meter = CpuMeter(lambda: pids[0])
    assert meter.used_s() <= time.process_time()
    own_s = time.process_time()
    used_s = [0.0]
    for burner, until_s in ((first, 0.2), (first, 0.4), (second, 0.2)):
        burner.burn(until_s)
        pids[0] = burner.process.pid
        used_s.append(meter.used_s())
    pids[0] = None
    used_s.append(meter.used_s())
    assert used_s == sorted(used_s)  # it never goes back
    spent_here_s = time.process_time() - own_s
    assert 0.6 <= used_s[-1] - own_s <= 0.75 + spent_here_s
    first.end()
    second.end()


def test_what_a_process_used_until_it_died_is_kept():
    burner = Burner()
    burner.burn(0.2)
    meter = CpuMeter(lambda: burner.process.pid)
    before_s = meter.used_s()
    burner.end()
    assert meter.used_s() >= before_s


ZONE = "sys/class/thermal/thermal_zone0"


class Board:
    """A board whose temperature and throttling are what a test says; its limit runs on a clock of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.events: list[Event] = []
        self.limit = HeatLimit(self.events.append, root)
        self.now_s = 0.0
        self.heat(45)

    def heat(self, degrees_c: float) -> None:
        self._write(f"{ZONE}/type", "cpu-thermal")
        self._write(f"{ZONE}/temp", f"{degrees_c * 1000:.0f}")

    def throttle(self, bits: str) -> None:
        self._write("sys/devices/platform/soc/soc:firmware/get_throttled", bits)

    def _write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    def highest_fps(self, rate_fps: float | None = 30.0) -> float:
        """The limit at its next look."""
        self.now_s += POLL_S
        return self.limit.highest_fps(rate_fps, self.now_s)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def test_a_cool_machine_is_not_held_down(board: Board):
    assert board.highest_fps() == float("inf")
    board.heat(HOT_C - 0.1)
    assert board.highest_fps() == float("inf")
    assert board.kinds == []


def test_at_eighty_degrees_the_rate_is_halved_once_and_told_once(board: Board):
    board.heat(HOT_C)
    assert board.highest_fps(30.0) == 15.0
    board.heat(84)
    assert board.highest_fps(15.0) == 15.0
    assert board.kinds == ["throttled"]
    assert "80 °C" in board.events[0].text
    assert board.events[0].facts == {"temperature_c": 80.0, "clock_held_down": False}


def test_a_throttled_clock_is_as_good_as_heat(board: Board):
    board.throttle("50006")
    assert board.highest_fps(10.0) == 5.0
    assert board.kinds == ["throttled"]
    assert "the processor is throttled at 45 °C" in board.events[0].text


def test_the_full_rate_comes_back_only_when_it_is_clearly_cooler(board: Board):
    board.heat(81)
    board.highest_fps()
    for degrees_c in (79, 76, 79, COOL_C):
        board.heat(degrees_c)
        assert board.highest_fps() == 15.0
    board.heat(COOL_C - 0.1)
    assert board.highest_fps() == float("inf")
    assert board.kinds == ["throttled", "cooled"]


def test_it_may_get_hot_again(board: Board):
    for degrees_c in (81, 60, 82, 61):
        board.heat(degrees_c)
        board.highest_fps()
    assert board.kinds == ["throttled", "cooled", "throttled", "cooled"]


def test_the_sensors_are_read_every_few_seconds_only(board: Board):
    board.highest_fps()
    board.heat(90)
    assert board.limit.highest_fps(30.0, board.now_s + POLL_S - 0.1) == float("inf")
    assert board.limit.highest_fps(30.0, board.now_s + POLL_S) == 15.0


def test_a_machine_without_sensors_runs_at_the_full_rate(tmp_path: Path):
    assert HeatLimit(root=tmp_path / "nothing").highest_fps(30.0, 0.0) == float("inf")


def test_a_hot_start_waits_for_a_rate_to_halve(board: Board):
    board.heat(85)
    assert board.highest_fps(None) == float("inf")
    assert board.highest_fps(20.0) == 10.0


def test_the_loop_then_takes_half_the_frames(board: Board):
    board.heat(85)
    pace = Pace([board.limit], lambda: board.now_s)
    times_s = []
    for _ in range(200):
        board.now_s += max(pace.pause_s(), 1 / 20)
        pace.took()
        times_s.append(board.now_s)
    assert times_s[-1] - times_s[-2] == pytest.approx(0.1)


def test_the_loop_waits_out_a_pause_that_is_longer_than_its_looks_for_a_signal():
    """0.4 s in two parts; how much longer a busy machine takes does not matter."""
    read_s: list[float] = []

    def given() -> Iterator[Frame]:
        for frame in frames(3):
            read_s.append(time.monotonic())
            yield frame

    Loop(fake_classifier((0.9, 0.06, 0.04)), pace=Pace([FixedRate(2.5)])).run(FakeSource(given()))
    assert read_s[2] - read_s[0] >= 2 * 0.4 - 0.001
