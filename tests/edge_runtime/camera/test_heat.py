"""Row 44, with a made-up thermal zone."""

from pathlib import Path

import pytest
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.heat import COOL_C, HOT_C, POLL_S, HeatLimit
from edgecls.edge_runtime.camera.pace import Pace

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
    def told(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def test_a_cool_machine_is_not_held_down(board: Board):
    assert board.highest_fps() == float("inf")
    board.heat(HOT_C - 0.1)
    assert board.highest_fps() == float("inf")
    assert board.told == []


def test_at_eighty_degrees_the_rate_is_halved_once_and_told_once(board: Board):
    board.heat(HOT_C)
    assert board.highest_fps(30.0) == 15.0
    board.heat(84)
    assert board.highest_fps(15.0) == 15.0
    assert board.told == ["throttled"]
    assert "80 °C" in board.events[0].text
    assert board.events[0].facts == {"temperature_c": 80.0, "clock_held_down": False}


def test_a_throttled_clock_is_as_good_as_heat(board: Board):
    board.throttle("50006")
    assert board.highest_fps(10.0) == 5.0
    assert board.told == ["throttled"]
    assert "the clock is held down at 45 °C" in board.events[0].text


def test_the_full_rate_comes_back_only_when_it_is_clearly_cooler(board: Board):
    board.heat(81)
    board.highest_fps()
    for degrees_c in (79, 76, 79, COOL_C):
        board.heat(degrees_c)
        assert board.highest_fps() == 15.0
    board.heat(COOL_C - 0.1)
    assert board.highest_fps() == float("inf")
    assert board.told == ["throttled", "cooled"]


def test_it_may_get_hot_again(board: Board):
    for degrees_c in (81, 60, 82, 61):
        board.heat(degrees_c)
        board.highest_fps()
    assert board.told == ["throttled", "cooled", "throttled", "cooled"]


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
