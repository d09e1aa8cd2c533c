"""Pin process: holds the pins of `--on LABEL gpio:PIN`, and turns them off when its parent ends or is killed.

    python -m edgecls.edge_runtime.camera.actions.pin_child 17 27:low

It reads a line for each change, `17 on`, `17 off` or `17 pulse 2.0`, and answers each with `done`. When its
standard input ends, as it does when the parent was killed, or on SIGTERM, it turns all pins off and ends.
With `off` it does that at once: systemd runs it so after the service, whatever became of both processes.
"""

import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import Any, Protocol, TextIO

from ...text import one_reason

READY, DONE, FAILED, REFUSED = "ready", "done", "failed", "refused"
"""What it answers; a pin that is refused is none of this board, whenever it is asked for."""
NO_LIBRARY = 'not installed; install it with `pip install "edgecls[gpio]"`'


class Pin(Protocol):
    """A pin that is an output; gpiozero's `OutputDevice` is one."""

    def on(self) -> None:
        """Turns it on."""

    def off(self) -> None:
        """Turns it off."""

    def close(self) -> None:
        """Gives it back to the system."""


class Pins:
    """Pins by their numbers, all off at first.

    Args:
        pins: open.
        clock: monotonic seconds, for pulses.
    """

    def __init__(self, pins: dict[int, Pin], clock: Callable[[], float] = time.monotonic) -> None:
        self._pins = pins
        self._clock = clock
        self._pulses_end_s: dict[int, float] = {}
        self._held: set[int] = set()

    def obey(self, line: str) -> None:
        """Does what a line says; raises ValueError and KeyError where it makes no sense."""
        number, verb, *rest = line.split()
        pin = int(number)
        if verb == "pulse":
            self._pulses_end_s[pin] = self._clock() + float(rest[0])
        elif verb == "on":
            self._held.add(pin)
        else:
            self._held.discard(pin)
        self._show(pin)

    def wait_s(self) -> float | None:
        """Returns the seconds until a pulse ends; None: there is none."""
        ends_s = self._pulses_end_s.values()
        return max(0.0, min(ends_s) - self._clock()) if ends_s else None

    def tick(self) -> None:
        """Ends the pulses that are over."""
        over = [pin for pin, end_s in self._pulses_end_s.items() if end_s <= self._clock()]
        for pin in over:
            del self._pulses_end_s[pin]
            self._show(pin)

    def close(self) -> None:
        """Turns every pin off."""
        for pin in self._pins.values():
            with suppress(Exception):  # one that fails must not keep the others on
                pin.off()
        for pin in self._pins.values():
            with suppress(Exception):
                pin.close()

    def _show(self, pin: int) -> None:
        device = self._pins[pin]
        (device.on if pin in self._held or pin in self._pulses_end_s else device.off)()


def opened(words: Iterable[str]) -> dict[int, Pin]:
    """Opens pins by gpiozero, each off: `17`, or `27:low` for one whose `on` is the low level.

    Raises:
        ImportError: there is no gpiozero.
        Exception: gpiozero's own, of which there are many, and lgpio's.
    """
    os.environ.setdefault("GPIOZERO_PIN_FACTORY", "lgpio")  # else it tries four libraries, with warnings
    os.environ.setdefault("LG_WD", tempfile.gettempdir())  # where lgpio puts its files
    gpiozero: Any = import_module("gpiozero")  # of an extra, without types, and only this process needs it

    pins: dict[int, Pin] = {}
    for word in words:
        number, _, level = word.partition(":")
        pins[int(number)] = gpiozero.OutputDevice(
            int(number), active_high=level != "low", initial_value=False
        )
    return pins


def serve(pins: Pins, commands: int, answers: TextIO) -> None:
    """Obeys the lines of a file descriptor until it ends, and answers each."""
    rest = b""
    while True:
        if not select.select([commands], [], [], pins.wait_s())[0]:
            pins.tick()
            continue
        content = os.read(commands, 4096)
        if not content:
            return
        *lines, rest = (rest + content).split(b"\n")
        for line in lines:
            try:
                pins.obey(line.decode())
                _say(answers, DONE)
            except Exception as error:  # of gpiozero and lgpio
                _say(answers, f"{FAILED} {_one_line(error)}")


def main(words: list[str]) -> int:
    """Runs the process; returns its exit code."""
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):  # Windows has no SIGHUP
        signal.signal(number, _end)
    try:
        pins = Pins(opened(word for word in words if word != "off"))
    except ImportError as error:
        missing = "gpiozero" if "gpiozero" in str(error) else "lgpio"
        _say(sys.stdout, f"{FAILED} {missing}: {NO_LIBRARY}")
        return 69
    except Exception as error:  # of gpiozero and lgpio
        if type(error).__name__ == "PinInvalidPin":
            _say(sys.stdout, f"{REFUSED} {_one_line(error)}; write a GPIO number of this board: see `pinout`")
            return 2
        _say(sys.stdout, f"{FAILED} {_why(error)}")
        return 69
    try:
        if "off" not in words:
            _say(sys.stdout, READY)
            serve(pins, 0, sys.stdout)
    finally:
        pins.close()
    return 0


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)  # by way of `finally`


def _say(answers: TextIO, line: str) -> None:
    with suppress(OSError):  # the parent has gone, which the next read shows
        answers.write(f"{line}\n")
        answers.flush()


def _why(error: Exception) -> str:
    """Returns what is wrong with a pin or the library, and what to do."""
    text, kind = _one_line(error), type(error).__name__
    if kind == "BadPinFactory" or "No module" in text:
        return f"lgpio: {NO_LIBRARY}"
    if kind == "PinUnknownPi":  # gpiozero's lgpio knows no other boards
        return "no Raspberry Pi; pins need one, with a 64-bit system"
    if "gpiochip" in text or kind in ("PermissionError", "FileNotFoundError"):
        return f"{text}; add your user to the group gpio: `sudo usermod -aG gpio $USER`, and log in again"
    return f"{text}; check the number, and that no other program uses the pin"


def _one_line(error: Exception) -> str:
    return one_reason(error).strip("'\"")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
