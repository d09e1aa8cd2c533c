"""Whether a live source hangs on one picture, as some cameras do when they lose their sensor."""

import numpy as np

from .frame import Frame

_SAMPLE_STEP = 1009
"""Of two pictures, one byte in so many is compared first, a prime: those that differ mostly show it there."""


class FreezeWatch:
    """Compares each frame with the one before.

    The noise of a real sensor makes no two pictures the same, down to the last byte.

    Args:
        after_s: the same picture for so long is frozen.
    """

    def __init__(self, after_s: float) -> None:
        self.is_frozen = False
        """As of the last frame that was shown to `see`."""
        self._after_s = after_s
        self._last: np.ndarray | bytes = b""
        self._since_s = 0.0

    def see(self, frame: Frame) -> bool:
        """Takes the next frame; True where `is_frozen` has changed with it."""
        before = self.is_frozen
        if not _are_same(self._last, frame.picture):
            self._last, self._since_s = frame.picture, frame.captured_at_s
        self.is_frozen = frame.captured_at_s - self._since_s >= self._after_s
        return self.is_frozen != before


def _are_same(one: np.ndarray | bytes, other: np.ndarray | bytes) -> bool:
    if isinstance(one, bytes) or isinstance(other, bytes):
        return one is other or (type(one) is type(other) and one == other)
    return (
        one.shape == other.shape
        and np.array_equal(one.reshape(-1)[::_SAMPLE_STEP], other.reshape(-1)[::_SAMPLE_STEP])
        and np.array_equal(one, other)
    )
