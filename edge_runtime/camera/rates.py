"""How often and how fast: frames per second and latency percentiles, in memory that does not grow."""

from collections import deque
from collections.abc import Sequence

import numpy as np


class FrameRate:
    """Frames per second over the last `window_s` seconds.

    A source slower than the window is judged by its last two frames.
    """

    def __init__(self, window_s: float = 5.0) -> None:
        self._window_s = window_s
        self._times_s: deque[float] = deque()

    def add(self, now_s: float) -> float | None:
        """Counts a frame at `now_s` (monotonic) and returns the rate; None for the first frame."""
        times = self._times_s
        times.append(now_s)
        while len(times) > 2 and times[0] < now_s - self._window_s:
            times.popleft()
        elapsed_s = now_s - times[0]
        return (len(times) - 1) / elapsed_s if elapsed_s > 0 else None


class Latencies:
    """The last `keep` durations, in milliseconds."""

    def __init__(self, keep: int = 10_000) -> None:
        self._kept_ms: deque[float] = deque(maxlen=keep)

    def add(self, duration_ms: float) -> None:
        """Keeps one more, and forgets the oldest when there are too many."""
        self._kept_ms.append(duration_ms)

    def percentiles(self, wanted: Sequence[float]) -> tuple[float, ...] | None:
        """The percentiles (0 to 100) of what is kept, interpolated linearly; None when nothing is."""
        if not self._kept_ms:
            return None
        return tuple(float(value) for value in np.percentile(np.array(self._kept_ms), wanted))
