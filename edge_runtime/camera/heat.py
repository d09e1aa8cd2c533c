"""Takes fewer frames while the machine is too hot, and says so."""

import math
from pathlib import Path

from ..hardware import ROOT, clock_is_held_down, temperature_c
from .event import Event, OnEvent, ignore

HOT_C = 80.0
"""A Raspberry Pi lowers its clock step by step from 80 degrees Celsius on, and hard at 85
(raspberrypi.com, "Frequency management and thermal control")."""
COOL_C = 75.0
"""It must fall so far before the full rate is tried again, or it would be hot again at once."""
POLL_S = 5.0
"""Reading the sensors takes less than a millisecond; heat takes longer than this to come or go."""
_SLOWEST_FPS = 0.2


class HeatLimit:
    """A limit on the rate (see `RateLimit`): half of what it was, while the machine is hot.

    Hot is `HOT_C`, or a clock that heat or a weak power supply holds down. Both events are told of:
    `throttled` when it begins and `cooled` when it is over.

    Args:
        on_event: told of both.
        root: where `sys` is.
    """

    def __init__(self, on_event: OnEvent = ignore, root: Path = ROOT) -> None:
        self._on_event = on_event
        self._root = root
        self._limit_fps = math.inf
        self._poll_at_s = -math.inf

    def highest_fps(self, rate_fps: float | None, now_s: float) -> float:
        """See `RateLimit.highest_fps`."""
        if now_s >= self._poll_at_s and rate_fps is not None:
            self._poll_at_s = now_s + POLL_S
            self._look(rate_fps)
        return self._limit_fps

    def _look(self, rate_fps: float) -> None:
        degrees_c, held_down = temperature_c(self._root), clock_is_held_down(self._root)
        is_limited = math.isfinite(self._limit_fps)
        is_hot = held_down or (degrees_c is not None and degrees_c >= (COOL_C if is_limited else HOT_C))
        if is_hot == is_limited:
            return
        reading = "" if degrees_c is None else f" at {degrees_c:.0f} °C"
        facts = {"temperature_c": degrees_c, "clock_held_down": held_down}
        if is_hot:
            self._limit_fps = max(rate_fps / 2, _SLOWEST_FPS)
            what = "the clock is held down" if held_down else "the processor is hot"
            text = f"{what}{reading}; at most {self._limit_fps:.1f} frames per second until that is over"
            self._on_event(Event("throttled", text, facts=facts))
        else:
            self._limit_fps = math.inf
            self._on_event(Event("cooled", f"cooled{reading}: the full rate again", facts=facts))
