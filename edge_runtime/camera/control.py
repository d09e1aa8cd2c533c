"""Control: what is asked of a loop while it runs: to end, by signals and outputs; to pause, over MQTT."""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Literal, get_args

from ..images.apart import end_all
from .event import Event, OnEvent, ignore

POLL_S = 0.2
"""Seconds between two looks at whether to stop."""


class StopRequest:
    """A request to end the loop: from Ctrl-C or SIGTERM, from a window's key, from a pipe that nobody reads.

    Not a `threading.Event`: that takes a lock, on which a signal handler can deadlock.
    """

    requested = False

    def request(self) -> None:
        """Asks the loop to end after the frame in hand; a picture that takes long to decode is given up."""
        self.requested = True
        end_all()


@contextmanager
def stop_on_signals() -> Generator[StopRequest]:
    """Turns the first SIGINT, SIGTERM or SIGHUP into a stop request; the second exits at once, 130 or 143.

    SIGHUP comes when a terminal closes; under `nohup` it stays ignored. Works in the main thread only, where
    Python runs its signal handlers.
    """
    stop, first = StopRequest(), True

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal first
        if not first:
            os._exit(128 + number)  # no clean-up: that is what did not end after the first signal
        first = False
        stop.request()

    numbers = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)  # not on Windows
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        numbers.append(hangup)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


Command = Literal["snapshot", "pause", "resume", "restart"]
"""What a camera can be asked for."""
COMMANDS: tuple[Command, ...] = get_args(Command)


class Control:
    """Pauses a loop, lets it go on, and has it started again; to be called in the loop's thread.

    While it is paused, no frame is classified and nothing is announced; outputs and connections go on, and
    the camera stays open.

    Args:
        stop: of the loop.
        on_event: gets `paused`, `resumed`, and `commanded` before a new start.
    """

    def __init__(self, stop: StopRequest, on_event: OnEvent = ignore) -> None:
        self._stop, self._on_event = stop, on_event
        self.is_paused = False
        self.is_restart = False
        """Whether the loop ends to be started again."""

    def pause(self, by: str) -> None:
        """Pauses the loop, if it is not; `by` is who asked, for the event."""
        if not self.is_paused:
            self.is_paused = True
            self._on_event(Event("paused", f"paused by {by}: nothing is classified"))

    def resume(self, by: str) -> None:
        """Lets the loop go on, if it is paused."""
        if self.is_paused:
            self.is_paused = False
            self._on_event(Event("resumed", f"resumed by {by}"))

    def restart(self, by: str) -> None:
        """Ends the loop; who runs it starts it again."""
        self.is_restart = True
        self._on_event(Event("commanded", f"{by} asks for a new start", facts={"command": "restart"}))
        self._stop.request()
