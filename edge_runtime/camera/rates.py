"""Rates: frames per second, and percentiles of latency and age, in bounded memory."""

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


class FrameRate:
    """Frames per second over the last `window_s` seconds; of a slower source, over its last two frames."""

    def __init__(self, window_s: float = 5.0) -> None:
        self._window_s = window_s
        self._times_s: deque[float] = deque()

    def add(self, now_s: float) -> float | None:
        """Counts a frame at `now_s` (monotonic seconds) and returns the rate; None for the first frame."""
        times = self._times_s
        times.append(now_s)
        while len(times) > 2 and times[0] < now_s - self._window_s:
            times.popleft()
        elapsed_s = now_s - times[0]
        return (len(times) - 1) / elapsed_s if elapsed_s > 0 else None


class Latencies:
    """The last `keep` durations in milliseconds, and their percentiles."""

    def __init__(self, keep: int = 10_000) -> None:
        self._keep = keep
        self._kept_ms = array("d")  # a quarter of the memory of a deque
        self._oldest = 0

    def add(self, duration_ms: float) -> None:
        """Adds a duration; the oldest is dropped when there are too many."""
        if len(self._kept_ms) < self._keep:
            self._kept_ms.append(duration_ms)
            return
        self._kept_ms[self._oldest] = duration_ms
        self._oldest = (self._oldest + 1) % self._keep

    def percentiles(self, wanted: Sequence[float]) -> tuple[float, ...] | None:
        """Returns percentiles (0 to 100), interpolated linearly; None if there are no durations."""
        if not self._kept_ms:
            return None
        kept_ms = sorted(self._kept_ms)
        return tuple(_percentile(kept_ms, percent) for percent in wanted)


@dataclass(frozen=True)
class Ages:
    """Percentiles of the age of frames at their label."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


class RecentAges:
    """Percentiles of the ages over the last `window_s` seconds, updated every `refresh_s`.

    At most the newest `keep` frames count: a video may be read faster than any camera gives frames.
    """

    def __init__(self, window_s: float = 60.0, refresh_s: float = 1.0, keep: int = 4096) -> None:
        self._window_s, self._refresh_s = window_s, refresh_s
        self._kept: deque[tuple[float, float]] = deque(maxlen=keep)
        self._ages: Ages | None = None
        self._due_s = 0.0

    def add(self, now_s: float, age_ms: float) -> Ages | None:
        """Counts a frame at `now_s` (monotonic seconds); returns None for the first frame."""
        self._kept.append((now_s, age_ms))
        if len(self._kept) > 1 and (self._ages is None or now_s >= self._due_s):
            self._due_s = now_s + self._refresh_s
            self._ages = self._compute(now_s - self._window_s)
        return self._ages

    def _compute(self, since_s: float) -> Ages:
        while self._kept[0][0] < since_s:  # the newest stays
            self._kept.popleft()
        ages_ms = sorted(age_ms for _, age_ms in self._kept)
        return Ages(*(_percentile(ages_ms, percent) for percent in (50, 95, 99)))


def _percentile(values: Sequence[float], percent: float) -> float:
    """Returns a percentile of sorted values, without numpy.ma, which takes 2 MB and 13 ms to load."""
    position = (len(values) - 1) * percent / 100
    below = int(position)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (position - below)
