"""Pace: how often the camera loop takes a frame, and how long it pauses before it tries again what failed.

The loop takes frames as often as it can, or as the lowest of its rate limits allows: a fixed rate, a CPU
budget, heat. Between two frames it waits and then takes the newest: a lower rate makes no frame older.
"""

import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

from ..errors import UsageError
from ..hardware import ROOT, is_throttled, temperature_c
from .event import Event, OnEvent, ignore
from .rates import FrameRate

Busy = Literal["queue", "skip", "restart"]
"""What to do with something new while one of its kind is under way: do it later, leave it out, or interrupt
that one."""
MIN_FPS = 0.2
"""No limit goes below this: one frame in five seconds."""


def growing_pause_s(failures: int, first_s: float = 1.0, longest_s: float = 30.0) -> float:
    """Returns the pause before the next attempt, after so many failures in a row: each doubles it."""
    return min(first_s * 2.0 ** min(failures - 1, 30), longest_s)


class RateLimit(Protocol):
    """Limits the frame rate."""

    def highest_fps(self, rate_fps: float | None, now_s: float) -> float:
        """Returns the most frames per second from now on; infinity for no limit. Called after each frame.

        Args:
            rate_fps: how many were taken per second lately; None before the second frame.
            now_s: the clock of the pace, in seconds.
        """
        ...


class FixedRate:
    """A rate limit that does not change."""

    def __init__(self, fps: float) -> None:
        self._fps = fps

    def highest_fps(self, rate_fps: float | None, now_s: float) -> float:  # noqa: ARG002 - of the protocol
        """See `RateLimit.highest_fps`."""
        return self._fps


class Pace:
    """Says when the next frame is due.

    Frames are due on a steady grid: a frame that is taken a little late does not delay those after it. After
    a stall of more than one interval the grid starts anew, and missed frames are not made up for.

    Args:
        limits: the lowest applies; without any, every frame is due at once.
        clock: monotonic seconds.
        fps_asked: the rate that the user wanted, for the report; None: the highest.
        cpu_asked: the share of a core that the user allowed, such as `25%`.
    """

    def __init__(
        self,
        limits: Sequence[RateLimit] = (),
        clock: Callable[[], float] = time.monotonic,
        *,
        fps_asked: float | None = None,
        cpu_asked: str | None = None,
    ) -> None:
        self.fps_asked, self.cpu_asked = fps_asked, cpu_asked
        self._limits = limits
        self._clock = clock
        self._rate = FrameRate()
        self._due_at_s = -math.inf

    def pause_s(self) -> float:
        """Returns the seconds until the next frame is due; 0 if it is."""
        return max(0.0, self._due_at_s - self._clock())

    def took(self) -> None:
        """Notes that a frame was taken."""
        now_s = self._clock()
        rate_fps = self._rate.add(now_s)
        fps = min((limit.highest_fps(rate_fps, now_s) for limit in self._limits), default=math.inf)
        self._due_at_s = _next_due_s(self._due_at_s, now_s, 1 / fps)


def _next_due_s(due_at_s: float, now_s: float, interval_s: float) -> float:
    """Returns when the next frame is due, after one that was due at `due_at_s` and taken at `now_s`."""
    is_on_grid = now_s - due_at_s < interval_s
    return (due_at_s if is_on_grid else now_s) + interval_s


CPU_WINDOW_S = 1.0
"""Each correction uses the processor time of this window: at 10 frames a second, of ten frames."""
_MAX_DROP, _MAX_RISE = 0.5, 1.25
"""In one window: down fast and up slowly, so that a load that comes and goes does not overshoot each time."""


class CpuBudget:
    """A rate limit that holds the camera's processor time to a share of one core.

    The budget includes capturing, whose cost no frame rate of ours lowers. If capturing alone uses it up, the
    rate is `MIN_FPS` and the budget is exceeded.

    Args:
        share: of one core, such as 0.25; more than 1 for several cores.
        used_s: gives the processor seconds used so far; see `CpuMeter.used_s`.
    """

    def __init__(self, share: float, used_s: Callable[[], float]) -> None:
        self._share = share
        self._used_s = used_s
        self._limit_fps = math.inf
        self._frames = 0
        self._since_s: float | None = None
        self._used_before_s = 0.0

    def highest_fps(self, rate_fps: float | None, now_s: float) -> float:  # noqa: ARG002 - counted here
        """See `RateLimit.highest_fps`. The rate is measured over the same window as the time used."""
        self._frames += 1
        if self._since_s is None:
            self._start_window(now_s)
        elif now_s - self._since_s >= CPU_WINDOW_S:
            elapsed_s = now_s - self._since_s
            used = (self._used_s() - self._used_before_s) / elapsed_s
            self._limit_fps = corrected_fps(self._limit_fps, self._frames / elapsed_s, used, self._share)
            self._start_window(now_s)
        return self._limit_fps

    def _start_window(self, now_s: float) -> None:
        self._since_s, self._used_before_s, self._frames = now_s, self._used_s(), 0


def corrected_fps(limit_fps: float, taken_fps: float, used: float, budget: float) -> float:
    """Returns the limit for the next window: the rate times budget over use.

    If a frame costs c and capturing costs b at any rate, use is b + c f, and each window reduces an error to
    b / budget of it: the rate does not oscillate, whatever c is. The rate that was reached is the base, so
    that a limit that has no effect does not grow without end.

    Args:
        limit_fps: the limit of the last window.
        taken_fps: the rate reached in it.
        used: share of one core used in it.
        budget: share of one core allowed.

    >>> corrected_fps(30.0, 30.0, used=0.5, budget=0.25)
    15.0
    """
    factor = min(max(budget / max(used, 1e-9), _MAX_DROP), _MAX_RISE)
    return max(min(limit_fps, taken_fps) * factor, MIN_FPS)


def parse_share(text: str) -> float:
    """Parses a share of one core: 0.25 for `25%`.

    Raises:
        UsageError: not a percentage over 0.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?%?", text.strip())
    # "0.25" without a percent sign could be a quarter, or a quarter of a percent.
    if not match or float(match[1]) <= 0 or (float(match[1]) < 1 and "%" not in text):
        raise UsageError(f"--cpu {text}: not a percentage of one core; write it as 25%")
    return float(match[1]) / 100


class CpuMeter:
    """Measures the processor time of this process and of its capture processes, one after the other.

    Args:
        capture_pid: gives the capture process's id; None if there is none.
    """

    def __init__(self, capture_pid: Callable[[], int | None] = lambda: None) -> None:
        self._capture_pid = capture_pid
        self._pid: int | None = None
        self._ended_s = self._running_s = 0.0  # of earlier capture processes; of this one

    def used_s(self) -> float:
        """Returns the processor seconds so far, without what a capture process used after the last call."""
        pid = self._capture_pid()
        if pid != self._pid:
            self._ended_s += self._running_s
            self._pid, self._running_s = pid, 0.0
        if pid is not None:
            self._running_s = process_cpu_s(pid) or self._running_s
        return time.process_time() + self._ended_s + self._running_s


_SCHEDULER_CLOCK = 2
"""CPUCLOCK_SCHED in Linux's include/linux/posix-timers.h."""


def process_cpu_s(pid: int) -> float | None:
    """Returns the processor time of another process with all its threads, in seconds; None if it has ended.

    It is read from the process's clock, which counts nanoseconds (clock_getcpuclockid(3), which Python
    lacks); /proc/PID/stat counts hundredths of a second, too coarse for a few percent of a core.
    """
    try:
        return time.clock_gettime((~pid << 3) | _SCHEDULER_CLOCK)
    except (OSError, AttributeError):  # AttributeError: Windows
        return None


HOT_C = 80.0
"""A Raspberry Pi lowers its clock step by step from 80 degrees Celsius on, and hard at 85
(raspberrypi.com, "Frequency management and thermal control")."""
COOL_C = 75.0
"""The full rate returns below this; at 80 degrees the machine would be hot again at once."""
POLL_S = 5.0
"""Between two readings of the sensors, which take less than a millisecond; temperatures change more
slowly."""


class HeatLimit:
    """A rate limit that halves the rate while the machine is hot.

    Hot means `HOT_C`, or a processor that is throttled, by heat or by a weak power supply.

    Args:
        on_event: gets `throttled` when that begins, and `cooled` when it ends.
        root: the folder that holds `sys`.
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
            self._update(rate_fps)
        return self._limit_fps

    def _update(self, rate_fps: float) -> None:
        degrees_c, throttled = temperature_c(self._root), is_throttled(self._root)
        is_limited = math.isfinite(self._limit_fps)
        is_hot = throttled or (degrees_c is not None and degrees_c >= (COOL_C if is_limited else HOT_C))
        if is_hot == is_limited:
            return
        reading = "" if degrees_c is None else f" at {degrees_c:.0f} °C"
        facts = {"temperature_c": degrees_c, "clock_held_down": throttled}
        if is_hot:
            self._limit_fps = max(rate_fps / 2, MIN_FPS)
            reason = "the processor is throttled" if throttled else "the processor is hot"
            text = f"{reason}{reading}; at most {self._limit_fps:.1f} frames per second until that is over"
            self._on_event(Event("throttled", text, facts=facts))
        else:
            self._limit_fps = math.inf
            self._on_event(Event("cooled", f"cooled{reading}: back to the full rate", facts=facts))
