"""Events that could not be written yet."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from .event import Event

KEEP = 1000


@dataclass(frozen=True)
class Dated:
    """An event with the wall clock's time, which is for people: nothing is decided by it."""

    event: Event
    at: datetime
    """UTC."""


class EventBacklog:
    """The newest `keep` events, in order; what had to go is counted, and told before the rest.

    Args:
        keep: how many wait.
    """

    def __init__(self, keep: int = KEEP) -> None:
        self._keep = keep
        self._notice: Dated | None = None
        self._waiting: deque[Dated] = deque()
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def dropped(self) -> int:
        """How many were lost and not told yet."""
        return self._dropped

    def add(self, dated: Dated) -> None:
        """Lets one more wait."""
        if len(self._waiting) == self._keep:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append(dated)

    def add_notice(self, dated: Dated) -> None:
        """Lets one wait before all the others, whatever comes: the reason why they wait."""
        self._notice = dated

    def first(self) -> Dated | None:
        """The one to be written next."""
        if self._notice:
            return self._notice
        if self._dropped:
            oldest = self._waiting[0]
            events = "event was" if self._dropped == 1 else "events were"
            text = f"{self._dropped:,} older {events} lost: the log could not be written"
            facts = {"dropped": self._dropped}
            return Dated(Event("events_dropped", text, oldest.event.at_s, facts), oldest.at)
        return self._waiting[0] if self._waiting else None

    def remove_first(self) -> None:
        """Forgets what `first` gave."""
        if self._notice:
            self._notice = None
        elif self._dropped:
            self._dropped = 0
        else:
            self._waiting.popleft()
