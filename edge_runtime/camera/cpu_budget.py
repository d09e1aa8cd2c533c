"""Holds the camera's processor time to a share of one core, by lowering the frame rate."""

import math
import re
from collections.abc import Callable

from ..errors import UsageError

WINDOW_S = 1.0
"""Of processor time that one correction is made from: at 10 frames a second, ten frames."""
SLOWEST_FPS = 0.2
"""However dear a frame is, one in five seconds is taken."""
_STEEPEST_DROP, _STEEPEST_RISE = 0.5, 1.25
"""In one window: down fast, up slowly, so that a load that comes and goes does not overshoot each time."""


def parse_share(text: str) -> float:
    """The share of one core that `25%` names, as 0.25.

    Raises:
        UsageError: not a percentage over 0.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?%?", text.strip())
    # 0.25 without a sign is a quarter to some and a quarter of a percent to others.
    if not found or float(found[1]) <= 0 or (float(found[1]) < 1 and "%" not in text):
        raise UsageError(f"--cpu {text}: not a percentage of one core; write it as 25%")
    return float(found[1]) / 100


class CpuBudget:
    """A limit on the rate (see `RateLimit`) that follows what the frames cost.

    What capturing costs is in the budget though no rate of ours lowers it. A budget that it uses up alone is
    missed: then the rate is the slowest.

    Args:
        share: of one core, such as 0.25; over 1 where there are several.
        used_s: processor seconds used so far; see `CpuMeter.used_s`.
    """

    def __init__(self, share: float, used_s: Callable[[], float]) -> None:
        self._share = share
        self._used_s = used_s
        self._limit_fps = math.inf
        self._frames = 0
        self._since_s: float | None = None
        self._used_then_s = 0.0

    def highest_fps(self, rate_fps: float | None, now_s: float) -> float:  # noqa: ARG002 - see below
        """See `RateLimit.highest_fps`. The rate is counted here, over the same window as the time used."""
        self._frames += 1
        if self._since_s is None:
            self._start_window(now_s)
        elif now_s - self._since_s >= WINDOW_S:
            elapsed_s = now_s - self._since_s
            used = (self._used_s() - self._used_then_s) / elapsed_s
            self._limit_fps = corrected_fps(self._limit_fps, self._frames / elapsed_s, used, self._share)
            self._start_window(now_s)
        return self._limit_fps

    def _start_window(self, now_s: float) -> None:
        self._since_s, self._used_then_s, self._frames = now_s, self._used_s(), 0


def corrected_fps(limit_fps: float, taken_fps: float, used: float, budget: float) -> float:
    """The limit for the next window, from what the last one used.

    The rate times budget over use. Where a frame costs c and capturing costs b whatever the rate, use is
    b + c f, and what is left of an error shrinks by b / budget in each window: no swinging, whatever c is.
    It starts from the rate that was reached, so that a limit nobody runs into does not grow without end.

    >>> corrected_fps(30.0, 30.0, used=0.5, budget=0.25)
    15.0
    """
    factor = min(max(budget / max(used, 1e-9), _STEEPEST_DROP), _STEEPEST_RISE)
    return max(min(limit_fps, taken_fps) * factor, SLOWEST_FPS)
