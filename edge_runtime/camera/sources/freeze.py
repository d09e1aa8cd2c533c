"""Detects a camera that repeats one picture, as some do when they lose their sensor."""

from collections import deque

import numpy as np

from ..frame import Frame

_CHANGES = 5
"""How long a picture usually stays is the median of this many: one long standstill does not count."""
_STAYS_PER_LIMIT = 3
_SAMPLE_STEP = 1009
"""Two pictures are first compared at every so many bytes, a prime number: most that differ differ there."""


class FreezeDetector:
    """Detects a source that repeats one picture, as some cameras do when they lose their sensor.

    The noise of a real sensor never gives the same bytes twice. A camera that renews its picture every
    minute, and gives it again and again meanwhile, is not frozen: the limit follows the changes seen so far.

    Args:
        after_s: the source is frozen after this time with the same picture, or later if its pictures usually
            stay for longer.
    """

    def __init__(self, after_s: float) -> None:
        self.is_frozen = False
        """As of the last `update`."""
        self.limit_s = after_s
        """After this time with the same picture, the source is frozen."""
        self._after_s = after_s
        self._last: np.ndarray | bytes = b""
        self._since_s = 0.0
        self._stays_s: deque[float] = deque(maxlen=_CHANGES)

    def update(self, frame: Frame) -> bool:
        """Takes the next frame; returns whether `is_frozen` has changed."""
        before = self.is_frozen
        if not _are_same(self._last, frame.picture):
            if not isinstance(self._last, bytes) or self._last:
                self._stays_s.append(frame.captured_at_s - self._since_s)
            self._last, self._since_s = frame.picture, frame.captured_at_s
        stays_s = frame.captured_at_s - self._since_s
        self.is_frozen = stays_s >= self._after_s and stays_s >= self._usual_limit_s()
        return self.is_frozen != before

    def _usual_limit_s(self) -> float:
        usual_s = sorted(self._stays_s)[len(self._stays_s) // 2] if self._stays_s else 0.0
        self.limit_s = max(self._after_s, _STAYS_PER_LIMIT * usual_s)
        return self.limit_s


def _are_same(one: np.ndarray | bytes, other: np.ndarray | bytes) -> bool:
    if isinstance(one, bytes) or isinstance(other, bytes):
        return one is other or (type(one) is type(other) and one == other)
    return (
        one.shape == other.shape
        and np.array_equal(one.reshape(-1)[::_SAMPLE_STEP], other.reshape(-1)[::_SAMPLE_STEP])
        and np.array_equal(one, other)
    )
