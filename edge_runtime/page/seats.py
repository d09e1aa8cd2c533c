"""How many may watch at a time."""

import threading
import time
from collections.abc import Callable

SEATS = 4
KEPT_S = 15.0
"""A viewer who asked for nothing for so long loses the place to one who waits for it."""


class Seats:
    """Hands out places to viewers, who keep theirs by asking again.

    Args:
        count: places.
        kept_s: see `KEPT_S`.
        clock: monotonic seconds.
    """

    def __init__(
        self, count: int = SEATS, kept_s: float = KEPT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count = count
        self._kept_s = kept_s
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at_s: dict[str, float] = {}
        self._busy: set[str] = set()

    def take(self, viewer: str) -> bool:
        """Whether this viewer has a place, which is then in use until `leave`."""
        with self._lock:
            if viewer in self._busy:  # a thread of ours each, so only one request of each
                return False
            if viewer not in self._asked_at_s and not self._make_room():
                return False
            self._busy.add(viewer)
            return True

    def leave(self, viewer: str) -> None:
        """The viewer was answered, and keeps the place for a while."""
        with self._lock:
            if viewer in self._busy:
                self._busy.discard(viewer)
                self._asked_at_s[viewer] = self._clock()

    def give_up(self, viewer: str) -> None:
        """The viewer closes the page: the place is free at once, also for the same page loaded again."""
        with self._lock:
            self._busy.discard(viewer)
            self._asked_at_s.pop(viewer, None)

    def _make_room(self) -> bool:
        """Gives the places of those who left to others, only when there is no other."""
        taken = self._asked_at_s.keys() | self._busy
        if len(taken) < self._count:
            return True
        gone = [
            viewer
            for viewer, asked_at_s in self._asked_at_s.items()
            if viewer not in self._busy and self._clock() - asked_at_s >= self._kept_s
        ]
        for viewer in gone:
            del self._asked_at_s[viewer]
        return bool(gone)
