"""How often the loop takes a frame: as often as it can, or as the narrowest of some limits allows.

Between two frames the loop waits, and then takes the newest: a lower rate makes no frame older.
"""

import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import UsageError
from ..hardware import ROOT, is_throttled, temperature_c
from ..images.opencv import cv2
from .event import Event, OnEvent, ignore
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

    def highest_fps(self, rate_fps: float | None, now_s: float) -> float:  # noqa: ARG002
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


# Holds the camera's processor time to a share of one core, by lowering the frame rate.

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

    def highest_fps(self, rate_fps: float | None, now_s: float) -> float:  # noqa: ARG002
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


# How much processor time the camera takes: this process and the one that captures, together.

_SCHEDULER = 2
"""CPUCLOCK_SCHED in Linux's include/linux/posix-timers.h."""


def process_cpu_s(pid: int) -> float | None:
    """Processor time of another process, all its threads together, in seconds; None when it is gone.

    Read from its clock, which counts nanoseconds (clock_getcpuclockid(3), which Python lacks);
    /proc/PID/stat counts hundredths of a second, too coarse for a few percent of a core.
    """
    try:
        return time.clock_gettime((~pid << 3) | _SCHEDULER)
    except OSError:
        return None


class CpuMeter:
    """Adds up the processor time of this process and of its capture processes, one after the other.

    Args:
        capture_pid: gives the capture process's id, or None while there is none.
    """

    def __init__(self, capture_pid: Callable[[], int | None] = lambda: None) -> None:
        self._capture_pid = capture_pid
        self._pid: int | None = None
        self._ended_s = self._running_s = 0.0  # of capture processes before this one; of this one

    def used_s(self) -> float:
        """Processor seconds so far; what a capture process used after the last call and its end is lost."""
        pid = self._capture_pid()
        if pid != self._pid:
            self._ended_s += self._running_s
            self._pid, self._running_s = pid, 0.0
        if pid is not None:
            self._running_s = process_cpu_s(pid) or self._running_s
        return time.process_time() + self._ended_s + self._running_s


# Takes fewer frames while the machine is too hot, and says so.

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
        degrees_c, held_down = temperature_c(self._root), is_throttled(self._root)
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


# Whether anything moved since the last frame that was classified: if not, its answer still holds.

GRID = 8
"""The network's input is averaged over GRID x GRID blocks before it is compared: noise goes, motion stays."""
MOVED = 8
"""Of 255, in one channel of one block: from here on something moved.

Tried on photographs with noise of standard deviation s added to each pixel, then a JPEG of quality 60. The
largest difference of 180 still pairs, s = 10 / 20 / 40: at 160x120 6 / 10 / 15, at 320x240 4 / 4 / 9, at
640x480 2 / 2 / 4; of light that flickers by 2 percent, 6. What appears at 640x480 (s = 5) and is 40 levels
brighter or darker is seen in 68 of 100 cases at 30 pixels a side, in 96 at 40; a camera that turns, from 4 to
8 pixels on.
"""
SETTLE_S = 1.0
"""After motion every frame is classified for so long: smoothing and `--hold` come to an end, and something
that moves in steps is not missed between them."""
LONGEST_S = 1.0
"""A still scene is classified so often all the same: a drift too slow for the comparison is seen, and what
shows the answers stays alive."""


class Stillness:
    """Remembers what was classified last."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._classified_s = self._moved_s = 0.0

    def is_still(self, image: np.ndarray, time_s: float) -> bool:
        """Whether the network need not see `image`; otherwise it counts as classified.

        Args:
            image: the network's input, uint8 (H, W, 3).
            time_s: when it was taken, monotonic.
        """
        blocks = cv2.resize(image, (GRID, GRID), interpolation=cv2.INTER_AREA)
        moved = self._last is None or cv2.norm(blocks, self._last, cv2.NORM_INF) >= MOVED
        if moved:
            self._moved_s = time_s
        elif time_s - self._moved_s >= SETTLE_S and time_s - self._classified_s < LONGEST_S:
            return True
        self._last, self._classified_s = blocks, time_s
        return False
