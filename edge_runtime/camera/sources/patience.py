"""Patience: how long a live source may be silent, the pauses between attempts to open it, and its crashes.

A camera that gives thirty pictures a second has stalled when none comes for five seconds; one that gives a
picture every ten seconds has not. So the limit follows the interval between the camera's own pictures.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Self

_INTERVALS = 5
"""The longest of this many counts, as few cameras keep step exactly."""
_INTERVALS_PER_LIMIT = 3
"""A picture may be late by two intervals: the next one is whole up to one interval after it began."""
_CRASHES = 6
_CRASHES_WITHIN_S = 60.0
"""This many crashes of the capture process within this time are reported as `degraded`."""


@dataclass(frozen=True)
class Patience:
    """Timeouts of a live source, and the pauses between attempts to open it."""

    silence_s: float = 5.0
    """After this time without a frame it is opened again, or after three intervals of a slow camera. It may
    take as long to answer at first, and up to four times as long after a failure."""
    start_s: float = 30.0
    """For Python and OpenCV to start from a slow SD card."""
    first_frame_s: float = 20.0
    """From the answer of a network camera to its first frame."""
    second_frame_s: float = 30.0
    """From the first frame of a camera, whose interval is not known yet, to the next."""
    key_frame_s: float = 45.0
    """From the first packets of a video to its first key frame, before which nothing can be decoded."""
    one_shot_s: float = 60.0
    """In place of a shorter time up to the second frame where there is no other attempt."""
    first_pause_s: float = 1.0
    """Pause before the second attempt; each failure doubles it."""
    longest_pause_s: float = 30.0
    """Limit of the pause."""
    healthy_s: float = 30.0
    """After this time with frames, earlier crashes no longer count. Other failures are forgotten with the
    first frame."""
    frozen_s: float = 10.0
    """After this time with the same picture, the source is frozen, and its frames are dropped."""
    adapts: bool = True
    """Whether a slow camera gets more time than `silence_s`."""

    def with_limit(self, stall_timeout_s: float | None) -> Self:
        """Returns a patience with the user's limit in place of one that adapts; None changes nothing."""
        if stall_timeout_s is None:
            return self
        return replace(
            self,
            silence_s=stall_timeout_s,
            first_frame_s=max(self.first_frame_s, stall_timeout_s),
            key_frame_s=max(self.key_frame_s, stall_timeout_s),
            one_shot_s=max(self.one_shot_s, stall_timeout_s),
            frozen_s=max(self.frozen_s, stall_timeout_s),
            adapts=False,
        )

    def pause_s(self, failures: int) -> float:
        """Returns the pause before the next attempt, after `failures` in a row."""
        return min(self.first_pause_s * 2.0 ** (failures - 1), self.longest_pause_s)

    def opening_s(self, failures: int) -> float:
        """Returns the timeout from opening to the first answer, after `failures` in a row."""
        return self.silence_s * 2 ** min(failures, 2)


DEFAULT_PATIENCE = Patience()


class CameraInterval:
    """Learns the interval between the frames of one connection, and how long to wait for the next one."""

    def __init__(self) -> None:
        self._intervals_s: deque[float] = deque(maxlen=_INTERVALS)
        self._last: tuple[int, float] | None = None
        self._received_at_s = 0.0
        self._states_rate = False
        self._was_slower = False

    @property
    def has_frames(self) -> bool:
        """Whether this connection has given a frame."""
        return self._last is not None

    def restart(self) -> None:
        """Forgets the interval: a camera that is opened again may have other settings."""
        # Opened again after a single frame: the rate that it states may not be the one it gives.
        self._was_slower |= self.has_frames and not self._intervals_s
        self._intervals_s.clear()
        self._last, self._states_rate = None, False

    def states(self, rate_fps: float | None) -> None:
        """Takes the frame rate that the camera states; None where it states none."""
        self._states_rate = rate_fps is not None and rate_fps >= 1

    def receiving(self, now_s: float) -> None:
        """Takes the time at which a part of a frame arrived that takes longer than usual."""
        self._received_at_s = now_s

    def add(self, sequence: int, captured_at_s: float) -> None:
        """Takes the next frame; those that were skipped since the last one are counted by its number."""
        if self._last and sequence > self._last[0]:
            self._intervals_s.append((captured_at_s - self._last[1]) / (sequence - self._last[0]))
        self._last = sequence, captured_at_s

    def limit(self, patience: Patience, *, one_shot: bool) -> tuple[float, float | None]:
        """Returns how long to wait for the next frame, and since when; None: since now."""
        if not patience.adapts:
            return patience.silence_s, None
        if self._last and self._intervals_s:
            limit_s = max(patience.silence_s, _INTERVALS_PER_LIMIT * max(self._intervals_s))
            # Not since now: the frame may have waited for a slow reader.
            return limit_s, max(self._last[1], self._received_at_s)
        if self._states_rate and not self._was_slower:
            return patience.silence_s, None
        return max(patience.silence_s, patience.one_shot_s if one_shot else patience.second_frame_s), None


class CrashWatch:
    """Notices a capture process that crashes again and again."""

    def __init__(self) -> None:
        self._crashes_at_s: deque[float] = deque(maxlen=_CRASHES)
        self._is_degraded = False

    def add(self, now_s: float) -> str:
        """Takes a crash; returns what is wrong if this one makes it too many, otherwise an empty text."""
        self._crashes_at_s.append(now_s)
        within_s = now_s - self._crashes_at_s[0]
        if self._is_degraded or len(self._crashes_at_s) < _CRASHES or within_s > _CRASHES_WITHIN_S:
            return ""
        self._is_degraded = True
        return f"the capture process crashed {_CRASHES} times in {_CRASHES_WITHIN_S:g} s"

    def recovered(self) -> None:
        """Says that the camera works again, so that later crashes are reported anew."""
        self._is_degraded = False
