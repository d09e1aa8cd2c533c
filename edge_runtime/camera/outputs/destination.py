"""Destination: what a courier carries to, the attempts to deliver there, and the time to end them in."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Protocol, TypeVar

from ...errors import EdgeclsError

if TYPE_CHECKING:
    from ..control import StopRequest

GRACE_S = 0.8
"""At the end of a loop that is to stop, couriers have this time for what waits; all of them together."""
END_S = 0.6
"""What is still under way then is interrupted, and has this time to end; all of it together."""

Item_contra = TypeVar("Item_contra", contravariant=True)


class Refused(EdgeclsError):
    """What was to be delivered is refused for good: another attempt would end the same way."""

    exit_code = 69


class Carrying:
    """An attempt to deliver an item, which another thread may interrupt."""

    def __init__(self, started_s: float) -> None:
        self.started_s = started_s
        self._lock = threading.Lock()
        self._interrupted = threading.Event()
        self._ends: list[Callable[[], None]] = []
        self.is_replaced = False
        """A newer item takes its place."""

    @property
    def is_interrupted(self) -> bool:
        """Whether the attempt is to end now."""
        return self._interrupted.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits, but no longer than until the attempt is interrupted; returns whether it is."""
        return self._interrupted.wait(seconds)

    def ends_by(self, end: Callable[[], None]) -> None:
        """Has `end` called on interruption, in another thread, such as what closes the connection."""
        with self._lock:
            self._ends.append(end)
            if not self.is_interrupted:
                return
        self.interrupt()

    def interrupt(self) -> None:
        """Ends the attempt early. Never waits."""
        with self._lock:
            self._interrupted.set()
            ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError, ValueError):
                end()


class Destination(Protocol[Item_contra]):
    """Something outside that items are carried to."""

    name: str
    """What messages call it, without secrets: `cup webhook:https://ntfy.sh`."""

    def deliver(self, item: Item_contra, attempt: Carrying) -> None:
        """Delivers an item; called in the courier's thread, and may take long.

        Raises:
            Refused: not delivered, and never will be.
            EdgeclsError, OSError: not delivered; it is tried again where the courier does that.
        """
        ...


class Farewell:
    """The time that all couriers of a session share at its end.

    Args:
        stop: the loop's. A run that ends by itself, such as a video's, waits until everything is delivered.
        hurries: whether it does not, as an unattended loop ends only because somebody wants it to.
        clock: monotonic seconds.
    """

    def __init__(
        self, stop: "StopRequest", *, hurries: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stop, self._hurries, self._clock = stop, hurries, clock
        self._began_s: float | None = None

    def left_s(self) -> float:
        """Seconds left to deliver what waits; from the first call on they pass."""
        return max(0.0, GRACE_S - self._passed_s())

    def end_left_s(self) -> float:
        """Seconds left to end what is under way."""
        return max(0.02, GRACE_S + END_S - max(0.0, self._passed_s()))

    def _passed_s(self) -> float:
        now_s = self._clock()
        if self._began_s is None and (self._hurries or self._stop.requested):
            self._began_s = now_s
        return -inf if self._began_s is None else now_s - self._began_s
