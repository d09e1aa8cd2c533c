"""How much processor time the camera takes: this process and the one that captures, together."""

import time
from collections.abc import Callable

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
