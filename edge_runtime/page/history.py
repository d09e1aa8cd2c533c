"""History: the last minutes of a camera loop, one point a second, and its last events."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ..camera.event import Event
from ..camera.rates import Latencies

HISTORY_MINUTES = 5
"""Points are kept for this time."""
POINT_S = 1.0
"""Each point of the history covers this time."""
MAX_EVENTS = 30
"""The newest events are kept."""
_MAX_AGES = 1_000  # in one point; a video may be read faster than any camera gives frames


@dataclass(frozen=True)
class HistoryPoint:
    """One second of a loop."""

    number: int
    """Counts the points from 1."""
    at_s: float
    """`time.monotonic()` at its end."""
    fps: float
    """Answers per second."""
    age_ms: tuple[float, ...]
    """p50, p95 and p99 of the age of the frames at their label; empty without a frame."""
    temperature_c: float | None


@dataclass(frozen=True)
class NumberedEvent:
    """An event with its number, from 1."""

    number: int
    event: Event


class History:
    """The last minutes of a loop, one point a second, and its last events. It has no lock of its own.

    Args:
        started_s: `time.monotonic()`.
        temperature_c: gives the temperature of the processor; called once a second.
    """

    def __init__(self, started_s: float, temperature_c: Callable[[], float | None]) -> None:
        self._temperature_c = temperature_c
        self._points: deque[HistoryPoint] = deque(maxlen=int(HISTORY_MINUTES * 60 / POINT_S))
        self._events: deque[NumberedEvent] = deque(maxlen=MAX_EVENTS)
        self._since_s = started_s
        self._points_made = self.events_seen = 0
        self._frames = 0
        self._ages = Latencies(_MAX_AGES)

    def add_answer(self, age_ms: float, now_s: float) -> None:
        """Counts an answer."""
        self._frames += 1
        self._ages.add(age_ms)
        self.tick(now_s)

    def tick(self, now_s: float) -> None:
        """Adds a point if one is due; to be called while no answers come, too."""
        elapsed_s = now_s - self._since_s
        if elapsed_s < POINT_S:
            return
        self._points_made += 1
        age_ms = self._ages.percentiles((50, 95, 99)) or ()
        fps = self._frames / elapsed_s
        self._points.append(HistoryPoint(self._points_made, now_s, fps, age_ms, self._temperature_c()))
        self._since_s, self._frames, self._ages = now_s, 0, Latencies(_MAX_AGES)

    def add_event(self, event: Event) -> None:
        """Adds an event; the oldest is dropped when there are too many."""
        self.events_seen += 1
        self._events.append(NumberedEvent(self.events_seen, event))

    @property
    def newest(self) -> HistoryPoint | None:
        """The newest point; None in the first second."""
        return self._points[-1] if self._points else None

    def points_after(self, number: int) -> list[HistoryPoint]:
        """Returns the points after this number, oldest first."""
        return [point for point in self._points if point.number > number]

    def events_after(self, number: int) -> list[NumberedEvent]:
        """Returns the events after this number, oldest first."""
        return [numbered for numbered in self._events if numbered.number > number]
