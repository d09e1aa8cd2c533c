"""A request to end: from Ctrl-C or SIGTERM, from a window's key, from a pipe that nobody reads any more."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

POLL_S = 0.2
"""How long anything waits before it looks whether it shall stop."""


class StopRequest:
    """A flag that is raised once.

    Not a `threading.Event`: that takes a lock, on which a signal handler can deadlock.
    """

    requested = False

    def request(self) -> None:
        """Asks the loop to end after the frame in hand."""
        self.requested = True


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turns the first SIGINT, SIGTERM or SIGHUP into a request, the second into an exit at once, 130 or 143.

    SIGHUP comes when a terminal closes; under `nohup` it stays ignored. Only in the main thread, where Python
    runs its signal handlers.
    """
    stop, first = StopRequest(), True

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal first
        if not first:
            os._exit(128 + number)  # no clean-up: that is what did not end after the first signal
        first = False
        stop.request()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
