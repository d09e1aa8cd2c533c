"""Live source: the newest frame of a camera or stream, opened again whenever it fails.

The camera itself is read by a process of its own; see `capture_child.py` for why.
"""

import math
import time
from dataclasses import replace
from types import TracebackType
from typing import Self

from ... import errors
from ...errors import Unavailable
from ..event import Event, EventKind, OnEvent, ignore
from ..frame import Frame
from . import capture_by_name
from .address import LiveAddress, Stream
from .capture_process import ANY_AUTHORITY, CaptureNotice, CaptureProcess, Trust
from .diagnosis import not_waited_for
from .freeze import FreezeDetector
from .patience import DEFAULT_PATIENCE, CameraInterval, CrashWatch, Patience
from .source import EndOfSource, Source

_LIBRARY_S = 3600.0
"""Timeout of the capture libraries. The supervisor, which knows the camera's interval, gives up earlier."""
AnyProcess = CaptureProcess | capture_by_name.NamedCaptureProcess


class Capture(Source):
    """Reads a live source through a capture process, which it supervises while it is read.

    Args:
        address: the camera or stream.
        one_shot: whether an interruption is an error and the end of the stream is the end; otherwise the
            source is opened again, without limit, and each interruption is an event.
        waits: whether a source that fails before its first frame is opened again; None: unless `one_shot`.
        on_event: see `OnEvent`.
        patience: timeouts and pauses.
        least_px: minimum (width, height) for the pictures of a camera of this computer, which is set to its
            smallest mode that is large enough. None: its current mode.
        trust: which certificates of a network camera are trusted.
    """

    live = True

    def __init__(
        self,
        address: LiveAddress,
        *,
        one_shot: bool,
        waits: bool | None = None,
        on_event: OnEvent = ignore,
        patience: Patience = DEFAULT_PATIENCE,
        least_px: tuple[int, int] | None = None,
        trust: Trust = ANY_AUTHORITY,
    ) -> None:
        self.description = address.description
        self.rate_fps: float | None = None
        self.reconnects = self.corrupt_frames = 0
        self.least_px = least_px
        """May be set before the source is entered."""
        self._address = address
        self._trust = trust
        self._one_shot = one_shot
        self._waits = not one_shot if waits is None else waits
        self._on_event = on_event
        self._patience = patience
        self._process: AnyProcess | None = None
        self._final_notice: CaptureNotice | None = None  # why it ended, kept until its last frame is taken
        self._timeout_s = 0.0
        self._due_at_s = math.inf  # when to give up on the process, or to start one
        self._silent_at_s = math.inf  # if no frame comes until then
        self._started_at_s = -math.inf
        self._interval = CameraInterval()
        self._opening_step = ""  # what the process waits for, where a user should know
        self._healthy_at_s: float | None = None
        self._failures = 0
        self._died = False
        self._sequence = 0
        self._size_px: tuple[int, int] | None = None
        self._is_damaged = self._was_open = False
        self._freeze = FreezeDetector(patience.frozen_s)
        self._crashes = CrashWatch()

    @property
    def pid(self) -> int | None:
        """The id of the capture process; None while there is none."""
        return self._process.pid if self._process else None

    @property
    def is_silent(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Source.is_silent`; one that comes back sooner, such as a stream that ended, is not."""
        return time.monotonic() >= self._silent_at_s

    def read(self, timeout_s: float) -> Frame | None:
        """See `Source.read`.

        Raises:
            EndOfSource: the stream ended (one-shot only).
            Unavailable, PermissionRefused: the source is missing or was interrupted (one-shot only).
        """
        give_up_at_s = time.monotonic() + timeout_s
        while True:
            frame = self._step()
            now_s = time.monotonic()
            if frame is not None or now_s >= give_up_at_s:
                return frame
            rest_s = max(0.0, min(give_up_at_s, self._due_at_s) - now_s)
            if self._process is None:
                time.sleep(rest_s)
            else:
                self._process.wait(rest_s)

    def _step(self) -> Frame | None:
        """Does what is due, and returns the newest frame if there is one."""
        if self._process is None:
            if time.monotonic() >= self._due_at_s:
                self._start()
            return None
        # Notices first: frames published before the last notice are then in the slot.
        for notice in self._process.receive():
            self._note(notice)
        frame = self._process.take()
        if frame is None:
            self._check_process(self._process)
            return None
        return self._accept(frame)

    def _start(self) -> None:
        try:
            start = capture_by_name.NamedCaptureProcess if capture_by_name.NEEDED else CaptureProcess
            self._process = start(self._address, self._sequence + 1, _LIBRARY_S, self.least_px, self._trust)
        except Unavailable as error:
            self._interrupt("unavailable", str(error), error)
            return
        self._set_timeout(self._patience.start_s)
        self._started_at_s = time.monotonic()
        self._final_notice = self._healthy_at_s = None
        self._interval.restart()
        self._opening_step = ""
        if self._died:
            self._died = False
            self._on_event(Event("restarted", "capture process restarted"))

    def _note(self, notice: CaptureNotice) -> None:
        match notice.kind:
            case "opening":
                self._set_timeout(self._patience.opening_s(self._failures))
            case "step":
                self._opening_step = notice.text
            case "answered":
                self._opening_step = ""
                self._wait_for_first_frame(self._patience.first_frame_s)
            case "receiving":
                self._interval.receiving(time.monotonic())
                self._set_timeout(self._timeout_s)
                if self._interval.has_frames:
                    self._silent_at_s = self._due_at_s
            case "opened":
                if isinstance(self._address, Stream):
                    self._wait_for_first_frame(self._patience.key_frame_s)
                self._interval.states(notice.rate_fps)
                self.reconnects += self._was_open
                self._was_open = True
                self.rate_fps = notice.rate_fps
                size = f": {notice.width_px}x{notice.height_px}" if notice.width_px else ""
                rate = f", {notice.rate_fps:g} fps" if notice.rate_fps else ""
                self._on_event(Event("opened", f"opened {self.description}{size}{rate}"))
            case "corrupt":
                self._note_damage()
            case "failed" | "ended":
                self._final_notice = notice

    def _wait_for_first_frame(self, seconds: float) -> None:
        if not self._interval.has_frames:
            is_only_try = not self._sequence and not self._waits
            self._set_timeout(max(seconds, self._patience.one_shot_s) if is_only_try else seconds)

    def _note_damage(self) -> None:
        self.corrupt_frames += 1
        if not self._is_damaged:  # one event for several in a row
            self._on_event(Event("corrupt", "damaged pictures; dropping them"))
        self._is_damaged = True

    def _accept(self, frame: Frame) -> Frame | None:
        """Updates the state of the source with a new frame; returns None if the frame is dropped."""
        self._sequence = frame.sequence
        self._is_damaged = False
        self._interval.add(frame.sequence, frame.captured_at_s)
        limit_s, since_s = self._interval.limit(self._patience, one_shot=self._one_shot)
        self._set_timeout(limit_s, since_s)
        self._silent_at_s = self._due_at_s
        if self._healthy_at_s is None:
            self._healthy_at_s = frame.captured_at_s + self._patience.healthy_s
        elif frame.captured_at_s >= self._healthy_at_s:
            self._failures = 0
            self._crashes.recovered()
        before, self._size_px = self._size_px, frame.size_px
        if before not in (None, self._size_px):
            size = "x".join(map(str, self._size_px))
            self._on_event(Event("resolution", f"picture size changed to {size}"))
        return self._unless_frozen(frame)

    def _unless_frozen(self, frame: Frame) -> Frame | None:
        """Returns a frame that moves, or the first one that is known to be frozen; None for later ones."""
        has_changed, is_frozen = self._freeze.update(frame), self._freeze.is_frozen
        if has_changed and is_frozen:
            why = f"the same picture for {self._freeze.limit_s:g} s"
            if self._one_shot:
                self.close()
                raise Unavailable(f"{self.description}: {why}; switch the camera off and on")
            self._on_event(Event("frozen", f"{why}; waiting for a new one"))
            return replace(frame, is_frozen=True)
        if has_changed:
            self._on_event(Event("moving", "the picture changes again"))
        return None if is_frozen else frame

    def _check_process(self, process: AnyProcess) -> None:
        """Decides whether to wait on for a process without a new frame."""
        if self._final_notice is not None and self._final_notice.kind == "ended":
            self._interrupt("ended", "stream ended", EndOfSource())
        elif self._final_notice is not None:
            error = getattr(errors, self._final_notice.error)(self._final_notice.text)
            self._interrupt("unavailable", self._final_notice.text, error)
        elif process.gone:
            why = f"the capture process {process.death}"
            self._died = True
            self._interrupt("died", why, Unavailable(f"{self.description}: {why}; run it again"))
        elif time.monotonic() >= self._due_at_s:
            why = self._opening_step or f"no frame in {self._timeout_s:.3g} s"
            error = self._opening_step or f"{self.description}: {why}; check that it is on"
            self._interrupt("stalled", why, Unavailable(error))

    def _interrupt(self, kind: EventKind, why: str, error: Exception) -> None:
        """Ends the process; raises `error` if one-shot, otherwise schedules the next attempt."""
        self.close()
        if not self._sequence and not self._waits:
            raise error if self._one_shot else not_waited_for(error, self.description)
        if self._sequence and self._one_shot:
            raise error
        if kind != "died" and self._interval.has_frames:  # a camera that gives pictures is no failure
            self._failures = 0
        self._failures += 1
        # A silent source has been waited for already, and should be found as soon as it is back.
        pause_s = self._patience.pause_s(1 if kind == "stalled" else self._failures)
        if kind == "ended" and self._interval.has_frames:  # at once, but not many times a second
            pause_s = max(0.0, pause_s - (time.monotonic() - self._started_at_s))
        self._due_at_s = time.monotonic() + pause_s
        remedy = "reconnecting" if kind == "ended" else f"trying again in {pause_s:g} s"
        if kind == "unavailable" and self._failures == 1 and not self._sequence:
            remedy += " (Ctrl-C ends; `--source demo` needs no camera)"  # it has never run yet
        self._on_event(Event(kind, f"{why}; {remedy}"))
        if kind == "died" and (why := self._crashes.add(time.monotonic())):
            self._on_event(Event("degraded", f"{why}; check the camera, its cable and its driver"))

    def _set_timeout(self, seconds: float, since_s: float | None = None) -> None:
        self._timeout_s = seconds
        self._due_at_s = (time.monotonic() if since_s is None else since_s) + seconds

    def close(self) -> None:
        """Ends the process within half a second, and starts no other."""
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
