"""Pins: on while a label is announced or for a pulse, off at every end, on gpiozero's own mock of a board."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.actions import pins as pins_module
from edgecls.edge_runtime.camera.actions.pin_child import Pins, main, opened, serve
from edgecls.edge_runtime.camera.actions.pins import PinBoard
from edgecls.edge_runtime.camera.actions.rules import PinAction
from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.outputs.destination import Carrying
from edgecls.edge_runtime.errors import Unavailable, UsageError
from tests.fakes import Clock
from tests.waiting import wait_until

gpiozero = pytest.importorskip("gpiozero", reason='needs gpiozero: pip install "edgecls[gpio]"')
posix = pytest.mark.skipif(os.name != "posix", reason="signals")

MOCK = """
import os
from gpiozero.pins.mock import MockPin

def note(self):
    # The level of each pin, in a file that outlives the process.
    with open(os.path.join({folder!r}, str(self.info.name)), "w") as file:
        file.write(str(int(self._state)))

change = MockPin._change_state

def changed(self, value):
    result = change(self, value)
    note(self)
    return result

MockPin._change_state = changed
"""


@pytest.fixture
def board():
    """gpiozero's mock pins, in this process."""
    from gpiozero import Device
    from gpiozero.pins.mock import MockFactory

    before, Device.pin_factory = Device.pin_factory, MockFactory()
    yield Device.pin_factory
    Device.pin_factory.reset()
    Device.pin_factory = before


@pytest.fixture
def levels(tmp_path, monkeypatch) -> Path:
    """A folder in which the pins of other processes keep their levels."""
    folder = tmp_path / "levels"
    folder.mkdir()
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(MOCK.format(folder=str(folder)))
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    return folder


def level(folder: Path, pin: int) -> str:
    path = folder / f"GPIO{pin}"
    return path.read_text() if path.exists() else ""


def test_a_pin_is_on_while_it_is_held_or_pulsed_and_off_in_the_end(board):
    clock = Clock()
    pins = Pins(opened(["17", "27:low"]), clock)
    states = []

    def note() -> None:
        states.append((board.pin(17).state, board.pin(27).state))

    note()
    for line in ("17 on", "27 on", "17 pulse 2", "17 off"):
        pins.obey(line)
        note()
    assert states == [(0, 1), (1, 1), (1, 0), (1, 0), (1, 0)]
    assert pins.wait_s() == 2
    clock.now_s += 1
    pins.obey("17 pulse 2")  # begins again
    clock.now_s += 1.5
    pins.tick()
    assert board.pin(17).state == 1
    clock.now_s += 0.5
    pins.tick()
    assert (board.pin(17).state, pins.wait_s()) == (0, None)
    pins.obey("17 on")
    pin17, pin27 = board.pin(17), board.pin(27)
    pins.close()
    assert (pin17.state, pin27.state) == (0, 1)


def test_each_line_is_answered_and_nonsense_harms_nothing(board):
    pins = Pins(opened(["17"]))
    reader, writer = os.pipe()
    os.write(writer, b"17 on\n99 on\nx\n17 pulse\n17 off\n17 o")
    os.close(writer)
    answers = io.StringIO()
    serve(pins, reader, answers)
    os.close(reader)
    lines = answers.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["done", "failed", "failed", "failed", "done"]
    assert board.pin(17).state == 0


def test_a_pin_that_fails_keeps_no_other_on():
    class Stuck:
        def on(self) -> None: ...

        def off(self) -> None:
            raise OSError(5, "input/output error")

        close = off

    class Good(Stuck):
        state = 1

        def off(self) -> None:
            self.state = 0

    good = Good()
    Pins({17: Stuck(), 27: good}).close()
    assert good.state == 0


def test_the_library_or_a_pin_that_is_not_there_is_one_line(monkeypatch, capsys):
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "lgpio")
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    from gpiozero import Device

    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.setitem(sys.modules, "lgpio", None)
    assert main(["17"]) == 69
    assert (
        capsys.readouterr().out
        == 'failed lgpio: not installed; install it with `pip install "edgecls[gpio]"`\n'
    )
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    assert main(["17"]) == 69
    assert capsys.readouterr().out.startswith("failed gpiozero: not installed; install it with")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (gpiozero.PinUnknownPi("unable to locate Pi revision"), "failed no Raspberry Pi; pins need one"),
        (OSError("can not open gpiochip"), "failed can not open gpiochip; add your user to the group gpio"),
        (ValueError("'GPIO busy'"), "failed GPIO busy; check the number, and that no other program uses"),
        (ValueError("word " * 99), "failed " + "word " * 19 + "word ... word "),
    ],
)
def test_what_the_library_says_comes_with_what_to_do(monkeypatch, capsys, error, said):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(gpiozero, "OutputDevice", fail)
    assert main(["17"]) == 69
    assert capsys.readouterr().out.startswith(said)


@posix
def test_the_process_that_holds_them_turns_them_off_when_its_parent_is_killed(levels):
    """By SIGKILL, which nobody can handle."""
    program = (
        "import time\n"
        "from edgecls.edge_runtime.camera.actions.pins import PinBoard\n"
        "from edgecls.edge_runtime.camera.actions.rules import PinAction\n"
        "from edgecls.edge_runtime.camera.outputs.courier import Carrying\n"
        "board = PinBoard([PinAction(17), PinAction(27, active='low')])\n"
        "board.deliver((17, 'on'), Carrying(0)); board.deliver((27, 'pulse 600'), Carrying(0))\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as parent:
        wait_until(lambda: (level(levels, 17), level(levels, 27)) == ("1", "0"))
        parent.kill()
    wait_until(lambda: (level(levels, 17), level(levels, 27)) == ("0", "1"))


@posix
def test_one_that_is_killed_itself_is_started_again_with_its_pins_as_they_should_be(levels):
    board = PinBoard([PinAction(17), PinAction(27)])
    try:
        board.deliver((17, "on"), Carrying(0.0))
        board.deliver((27, "on"), Carrying(0.0))
        assert board._process is not None
        board._process._process.kill()
        wait_until(lambda: board.lost == {17: "on", 27: "on"})
        with pytest.raises(Unavailable, match="gpio: the process that holds the pins has ended"):
            board.deliver((17, "on"), Carrying(0.0))
        board.deliver((17, "off"), Carrying(0.0))
        assert (level(levels, 17), level(levels, 27)) == ("0", "1")
    finally:
        board.close()
        board.close()
    assert level(levels, 27) == "0"


@posix
def test_a_pin_that_the_board_does_not_have_is_a_wrong_option(levels):
    """Which no restart mends."""
    with pytest.raises(
        UsageError, match=r"^gpio: 45 is not a valid pin name; write a GPIO number of this board"
    ):
        PinBoard([PinAction(45)])


@posix
def test_a_process_that_hangs_is_ended_in_time(levels, monkeypatch):
    monkeypatch.setattr(pins_module, "ANSWER_S", 0.05)
    board = PinBoard([PinAction(17)])
    assert board._process is not None
    process = board._process._process
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(Unavailable, match="does not answer"):
        board.deliver((17, "on"), Carrying(0.0))
    assert process.returncode == -signal.SIGKILL
    board.close()


@posix
def test_a_loop_that_is_to_end_waits_for_no_library(monkeypatch):
    monkeypatch.setattr(pins_module, "CHILD", [sys.executable, "-c", "import time; time.sleep(1000)"])
    monkeypatch.setattr(pins_module, "END_S", 0.05)
    stop = StopRequest()
    stop.requested = True
    board = PinBoard([PinAction(17)], stop)
    board.deliver((17, "on"), Carrying(0.0))
    board.close()


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_it_turns_them_off_on_a_signal_too(levels, number):
    with subprocess.Popen(
        [*pins_module.CHILD, "17"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.stdin.write(b"17 on\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"done\n"
        assert level(levels, 17) == "1"
        process.send_signal(number)
        assert process.wait(60) == 0
    assert level(levels, 17) == "0"


@posix
def test_after_a_service_they_are_turned_off_whatever_they_were(levels):
    (levels / "GPIO27").write_text("0")
    assert subprocess.run([*pins_module.CHILD, "off", "17", "27:low"], check=False).returncode == 0
    assert (level(levels, 17), level(levels, 27)) == ("0", "1")
