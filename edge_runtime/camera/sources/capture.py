"""A camera or stream as a source: the newest frame, and patience with everything that cameras do."""

import math
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from ... import errors
from ...errors import Unavailable
from ..event import Event, EventKind, OnEvent, ignore
from ..frame import Frame
from .address import LiveAddress
from .capture_process import CaptureNotice, CaptureProcess
from .source import EndOfSource, Source

# Whether a live source hangs on one picture, as some cameras do when they lose their sensor.

_SAMPLE_STEP = 1009
"""Of two pictures, one byte in so many is compared first, a prime: those that differ mostly show it there."""


class FreezeDetector:
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


@dataclass(frozen=True)
class Patience:
    """How long a live source is waited for, and how often it is tried."""

    silence_s: float = 5.0
    """Without a frame for so long, it is opened again. Opening may take this long too, and up to four times
    as long when it failed before: a stream can be decoded only from its next key frame on."""
    start_s: float = 30.0
    """For Python and OpenCV to start, from a slow card."""
    first_pause_s: float = 1.0
    """Before the second attempt; each failure doubles it."""
    longest_pause_s: float = 30.0
    healthy_s: float = 30.0
    """After so long with frames, earlier failures are forgotten."""
    frozen_s: float = 10.0
    """The same picture for so long is not given any more."""

    def pause_s(self, failures: int) -> float:
        """Before the next attempt, after so many failures in a row."""
        return min(self.first_pause_s * 2.0 ** (failures - 1), self.longest_pause_s)

    def opening_s(self, failures: int) -> float:
        """From the attempt to the first frame."""
        return self.silence_s * 2 ** min(failures, 2)


DEFAULT_PATIENCE = Patience()

_MANY_DEATHS = 6
_DEATHS_WITHIN_S = 60.0
"""So many deaths of the process in so long are told as one event of their own."""


class Capture(Source):
    """Reads a live source through a process of its own, and supervises that while it is read from.

    Args:
        address: the camera.
        one_shot: what interrupts it is an error, and its end is the end; otherwise it is opened again and
            again, and each interruption is an event.
        on_event: see `OnEvent`.
        patience: when to give up, and when to try again.
        least_px: the (width, height) that the pictures of a camera of this computer should have at least: it
            is set to the smallest mode that serves. None: as it is set.
    """

    live = True

    def __init__(
        self,
        address: LiveAddress,
        *,
        one_shot: bool,
        on_event: OnEvent = ignore,
        patience: Patience = DEFAULT_PATIENCE,
        least_px: tuple[int, int] | None = None,
    ) -> None:
        self.description = address.description
        self.rate_fps: float | None = None
        self.reconnects = self.corrupt_frames = 0
        self.least_px = least_px
        """May be set until it is entered."""
        self._address = address
        self._one_shot = one_shot
        self._on_event = on_event
        self._patience = patience
        self._process: CaptureProcess | None = None
        self._verdict: CaptureNotice | None = None  # why it ended, kept until its last frame is taken
        self._allowed_s = 0.0
        self._due_at_s = math.inf  # when to give the process up, or, where there is none, to start one
        self._healthy_at_s: float | None = None
        self._failures = 0
        self._died = False
        self._sequence = 0
        self._size_px: tuple[int, int] | None = None
        self._is_damaged = self._was_open = False
        self._freeze = FreezeDetector(patience.frozen_s)
        self._deaths_at_s: deque[float] = deque(maxlen=_MANY_DEATHS)
        self._is_degraded = False

    @property
    def pid(self) -> int | None:
        """The capture process's id, while there is one."""
        return self._process.pid if self._process else None

    def read(self, timeout_s: float) -> Frame | None:
        """See `Source.read`.

        Raises:
            EndOfSource: one-shot: the stream ended.
            Unavailable, PermissionRefused: one-shot: it is not there, or was interrupted.
        """
        give_up_at_s = time.monotonic() + timeout_s
        while True:
            frame = self._attend()
            now_s = time.monotonic()
            if frame is not None or now_s >= give_up_at_s:
                return frame
            rest_s = max(0.0, min(give_up_at_s, self._due_at_s) - now_s)
            if self._process is None:
                time.sleep(rest_s)
            else:
                self._process.wait(rest_s)

    def _attend(self) -> Frame | None:
        """Does what is due, and takes the newest frame."""
        if self._process is None:
            if time.monotonic() >= self._due_at_s:
                self._start()
            return None
        # Notices first: what was published before the last one is then in the slot.
        for notice in self._process.receive():
            self._note(notice)
        frame = self._process.take()
        if frame is None:
            self._judge(self._process)
            return None
        return self._accept(frame)

    def _start(self) -> None:
        timeout_s = 2 * self._patience.opening_s(self._failures)  # ours comes first while we are watching
        try:
            self._process = CaptureProcess(self._address, self._sequence + 1, timeout_s, self.least_px)
        except Unavailable as error:
            self._interrupt("unavailable", str(error), error)
            return
        self._allow(self._patience.start_s)
        self._verdict = self._healthy_at_s = None
        if self._died:
            self._died = False
            self._on_event(Event("restarted", "capture process restarted"))

    def _note(self, notice: CaptureNotice) -> None:
        match notice.kind:
            case "opening":
                self._allow(self._patience.opening_s(self._failures))
            case "opened":
                self.reconnects += self._was_open
                self._was_open = True
                self.rate_fps = notice.rate_fps
                size = f": {notice.width_px}x{notice.height_px}" if notice.width_px else ""
                rate = f", {notice.rate_fps:g} fps" if notice.rate_fps else ""
                self._on_event(Event("opened", f"opened {self.description}{size}{rate}"))
            case "corrupt":
                self._note_damage()
            case "failed" | "ended":
                self._verdict = notice

    def _note_damage(self) -> None:
        self.corrupt_frames += 1
        if not self._is_damaged:  # an event for the first in a row, not thirty a second
            self._on_event(Event("corrupt", "a damaged picture; dropping it and those like it"))
        self._is_damaged = True

    def _accept(self, frame: Frame) -> Frame | None:
        """Notes what a new frame says of the camera; None where it shall not be given."""
        self._sequence = frame.sequence
        self._is_damaged = False
        self._allow(self._patience.silence_s, frame.captured_at_s)
        if self._healthy_at_s is None:
            self._healthy_at_s = frame.captured_at_s + self._patience.healthy_s
        elif frame.captured_at_s >= self._healthy_at_s:
            self._failures, self._is_degraded = 0, False
        before, self._size_px = self._size_px, frame.size_px
        if before not in (None, self._size_px):
            size = "x".join(map(str, self._size_px))
            self._on_event(Event("resolution", f"the pictures are {size} from here on"))
        return None if self._is_frozen(frame) else frame

    def _is_frozen(self, frame: Frame) -> bool:
        has_changed, is_frozen = self._freeze.see(frame), self._freeze.is_frozen
        if has_changed and is_frozen:
            why = f"the same picture for {self._patience.frozen_s:g} s"
            if self._one_shot:
                self.close()
                raise Unavailable(f"{self.description}: {why}; switch the camera off and on")
            self._on_event(Event("frozen", f"{why}; waiting for another"))
        elif has_changed:
            self._on_event(Event("moving", "the picture changes again"))
        return is_frozen

    def _judge(self, process: CaptureProcess) -> None:
        """Decides whether a process without a new frame goes on."""
        if self._verdict is not None and self._verdict.kind == "ended":
            self._interrupt("ended", "stream ended", EndOfSource())
        elif self._verdict is not None:
            error = getattr(errors, self._verdict.error)(self._verdict.text)
            self._interrupt("unavailable", self._verdict.text, error)
        elif process.gone:
            why = f"the capture process {process.death}"
            self._died = True
            self._interrupt("died", why, Unavailable(f"{self.description}: {why}; run it again"))
        elif time.monotonic() >= self._due_at_s:
            why = f"no frame in {self._allowed_s:g} s"
            self._interrupt("stalled", why, Unavailable(f"{self.description}: {why}; check that it is on"))

    def _interrupt(self, kind: EventKind, why: str, error: Exception) -> None:
        """Ends the process; raises `error` where that was all, else plans the next attempt."""
        self.close()
        if self._one_shot:
            raise error
        self._failures += 1
        # A source that is silent was waited for already, and shall be seen as soon as it is back.
        pause_s = self._patience.pause_s(1 if kind == "stalled" else self._failures)
        self._due_at_s = time.monotonic() + pause_s
        remedy = "reconnecting" if kind == "ended" else f"trying again in {pause_s:g} s"
        if kind == "unavailable" and self._failures == 1 and not self._sequence:
            remedy += " (Ctrl-C ends)"  # nobody has seen it run yet
        self._on_event(Event(kind, f"{why}; {remedy}"))
        if kind == "died":
            self._count_death()

    def _count_death(self) -> None:
        self._deaths_at_s.append(time.monotonic())
        within_s = self._deaths_at_s[-1] - self._deaths_at_s[0]
        if self._is_degraded or len(self._deaths_at_s) < _MANY_DEATHS or within_s > _DEATHS_WITHIN_S:
            return
        self._is_degraded = True
        why = f"the capture process died {_MANY_DEATHS} times in {_DEATHS_WITHIN_S:g} s"
        self._on_event(Event("degraded", f"{why}; check the camera, its cable and its driver"))

    def _allow(self, seconds: float, since_s: float | None = None) -> None:
        self._allowed_s = seconds
        self._due_at_s = (time.monotonic() if since_s is None else since_s) + seconds

    def close(self) -> None:
        """Ends the process, within half a second, and starts no other."""
        self._due_at_s = math.inf
        if self._process is not None:
            self._process.close()
            self._process = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
