"""Pace: fixed rates, CPU budget, heat, and frames without motion."""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.answer import Answer
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop, StopRequest
from edgecls.edge_runtime.camera.pace import (
    COOL_C,
    HOT_C,
    MAX_STILL_S,
    MIN_FPS,
    POLL_S,
    SETTLE_S,
    CpuBudget,
    CpuMeter,
    FixedRate,
    HeatLimit,
    Pace,
    Stillness,
    corrected_fps,
    parse_share,
    process_cpu_s,
)
from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule
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


RULE = ImageRule(32, 32)


def scene(seed: int = 0) -> np.ndarray:
    """A uint8 (240, 320, 3) picture with soft shapes of all brightnesses."""
    coarse = np.random.default_rng(seed).integers(40, 216, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_CUBIC)


def shot(pixels: np.ndarray, seed: int, noise: float = 10.0) -> np.ndarray:
    """What the network gets of it, from a sensor with noise and a camera that sends JPEG."""
    noisy = pixels + np.random.default_rng(seed).normal(0, noise, pixels.shape)
    jpeg = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return prepare(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), RULE)


def with_object(pixels: np.ndarray, x: int) -> np.ndarray:
    """A thing of a sixth of the picture's height, 80 levels brighter or darker than what is behind it."""
    changed = pixels.astype(int)
    behind = changed[100:140, x : x + 40]
    behind += 80 if behind.mean() < 128 else -80
    return np.clip(changed, 0, 255).astype(np.uint8)


def settled() -> tuple[Stillness, float]:
    """At rest before the scene, and the time that is then."""
    stillness = Stillness()
    for index in range(60):
        stillness.is_still(shot(scene(), index), index * 0.05)
    return stillness, 60 * 0.05


def test_the_first_frame_is_classified():
    assert not Stillness().is_still(shot(scene(), 0), 0.0)


def test_sensor_noise_is_no_motion():
    stillness = Stillness()
    stills = [stillness.is_still(shot(scene(), index), index / 30) for index in range(240)]
    classified = [index / 30 for index, still in enumerate(stills) if not still and index / 30 >= SETTLE_S]
    assert len(classified) == pytest.approx((8 - SETTLE_S) / MAX_STILL_S, abs=1)


@pytest.mark.parametrize("x", [60, 140, 220])
def test_a_thing_that_appears_is_seen_at_once(x):
    stillness, now_s = settled()
    assert not stillness.is_still(shot(with_object(scene(), x), 99), now_s)


def test_another_scene_is_seen_at_once():
    stillness, now_s = settled()
    assert not stillness.is_still(shot(scene(1), 99), now_s)


def test_after_motion_every_frame_is_classified_until_it_has_settled():
    stillness, now_s = settled()
    moved = with_object(scene(), 140)
    stills = [stillness.is_still(shot(moved, index), now_s + index / 10) for index in range(15)]
    assert not any(stills[: round(SETTLE_S * 10)])
    assert any(stills[round(SETTLE_S * 10) :])


def test_a_still_scene_is_classified_now_and_then_all_the_same():
    stillness = Stillness()
    image = np.full((32, 32, 3), 128, np.uint8)
    times = [index / 10 for index in range(100) if not stillness.is_still(image, index / 10)]
    assert np.diff(times).max() <= MAX_STILL_S + 0.1 + 1e-9


def test_a_drift_that_is_too_slow_to_be_motion_is_followed():
    stillness = Stillness()
    seen = 0.0
    for index in range(600):
        level = 40 + index * 0.1
        if not stillness.is_still(np.full((32, 32, 3), round(level), np.uint8), index / 30):
            seen = level
        assert level - seen <= 8


def test_the_loop_counts_still_frames_and_classifies_the_others():
    sink = FakeSink()
    picture = scene()
    given = [Frame(picture, index + 1, index / 10) for index in range(60)]
    classifier = fake_classifier((0.9, 0.1, 0.0))
    report = Loop(classifier, [sink], stillness=Stillness()).run(FakeSource(given, live=True))
    assert report.frames + report.still_frames == 60
    assert report.frames == len(sink.answers) == len(classifier.engine.images)
    assert report.still_frames == sink.idled > 30
    assert report.skipped == 0
    assert f"{report.still_frames} more without motion" in report.text
    assert report.to_json()["still_frames"] == report.still_frames
