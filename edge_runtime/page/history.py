"""The last minutes of a camera loop, one point a second, and its last events."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ..camera.event import Event
from ..camera.rates import Latencies

MINUTES = 5
POINT_S = 1.0
EVENTS = 30
_AGES = 1_000  # of one second; a video may be read faster than any camera gives frames


@dataclass(frozen=True)
class Point:
    """One second of a loop."""

    number: int
    """Counts the points from 1."""
    at_s: float
    """`time.monotonic()` at its end."""
    fps: float
    """Frames answered, per second."""
    age_ms: tuple[float, ...]
    """p50, p95 and p99 of the frames' age at their label in this second; empty where there was no frame."""
    temperature_c: float | None


@dataclass(frozen=True)
class Happening:
    """An event with its number, from 1."""

    number: int
    event: Event


class History:
    """Counts answers into points. It has no lock of its own.

    Args:
        started_s: `time.monotonic()`.
        temperature_c: the processor's temperature; asked once a second.
    """

    def __init__(self, started_s: float, temperature_c: Callable[[], float | None]) -> None:
        self._temperature_c = temperature_c
        self._points: deque[Point] = deque(maxlen=int(MINUTES * 60 / POINT_S))
        self._happenings: deque[Happening] = deque(maxlen=EVENTS)
        self._since_s = started_s
        self._points_made = self._events_seen = 0
        self._frames = 0
        self._second = Latencies(_AGES)

    def answered(self, age_ms: float, now_s: float) -> None:
        """Counts one answer."""
        self._frames += 1
        self._second.add(age_ms)
        self.tick(now_s)

    def tick(self, now_s: float) -> None:
        """Makes a point where one is due; to be called while no answers come, too."""
        elapsed_s = now_s - self._since_s
        if elapsed_s < POINT_S:
            return
        self._points_made += 1
        age_ms = self._second.percentiles((50, 95, 99)) or ()
        point = Point(self._points_made, now_s, self._frames / elapsed_s, age_ms, self._temperature_c())
        self._points.append(point)
        self._since_s, self._frames, self._second = now_s, 0, Latencies(_AGES)

    def happened(self, event: Event) -> None:
        """Keeps one more event."""
        self._events_seen += 1
        self._happenings.append(Happening(self._events_seen, event))

    def points_after(self, number: int) -> list[Point]:
        """The points that came after this one, oldest first."""
        return [point for point in self._points if point.number > number]

    def events_after(self, number: int) -> list[Happening]:
        """The events that came after this one, oldest first."""
        return [happening for happening in self._happenings if happening.number > number]
