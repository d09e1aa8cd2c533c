"""How often the loop takes a frame: as often as it can, or as the narrowest of some limits allows.

Between two frames the loop waits, and then takes the newest: a lower rate makes no frame older.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from .rates import FrameRate


class RateLimit(Protocol):
    """Something that holds the rate down."""

    def highest_fps(self, rate_fps: float | None, now_s: float) -> float:
        """The most frames per second from now on; infinity for any number. Asked after each frame.

        Args:
            rate_fps: how many were taken per second lately; None until there are two.
            now_s: the pace's clock.
        """
        ...


class FixedRate:
    """So many frames per second, and no more."""

    def __init__(self, fps: float) -> None:
        self._fps = fps

    def highest_fps(self, rate_fps: float | None, now_s: float) -> float:  # noqa: ARG002 - it never varies
        """See `RateLimit.highest_fps`."""
        return self._fps


class Pace:
    """Says when the next frame is due.

    Frames are due on a steady grid: one that is taken a little late does not move those after it. After a
    stall of more than one interval the grid starts anew; what was missed is not made up for.

    Args:
        limits: the narrowest holds; without any, every frame is due at once.
        clock: monotonic seconds.
    """

    def __init__(self, limits: Sequence[RateLimit] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._rate = FrameRate()
        self._due_at_s = -math.inf

    def pause_s(self) -> float:
        """Seconds until the next frame may be taken; 0 where it is due."""
        return max(0.0, self._due_at_s - self._clock())

    def took(self) -> None:
        """A frame was taken."""
        now_s = self._clock()
        rate_fps = self._rate.add(now_s)
        fps = min((limit.highest_fps(rate_fps, now_s) for limit in self._limits), default=math.inf)
        self._due_at_s = _next_due_s(self._due_at_s, now_s, 1 / fps)


def _next_due_s(due_at_s: float, now_s: float, interval_s: float) -> float:
    """One interval after the frame that was due at `due_at_s` and taken at `now_s`."""
    is_on_grid = now_s - due_at_s < interval_s
    return (due_at_s if is_on_grid else now_s) + interval_s
