"""Live state of a camera loop: written by the loop's thread, read by the threads of the web server."""

import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from ..camera.answer import Answer, Deliveries
from ..camera.event import Event
from ..camera.frame import Frame
from ..camera.status import Health, HealthState, Seen
from ..images.opencv import cv2
from .history import History, HistoryPoint, NumberedEvent
from .totals import Totals

MAX_FPS = 12.0
"""Pictures per second for the viewers; enough to follow a movement."""
MAX_WIDTH_PX = 1280
"""A wider picture is scaled down."""
MAX_JPEG_BYTES = 400_000
"""A JPEG from the camera is sent as it is, unless it is larger."""
_JPEG_QUALITY = 80


@dataclass(frozen=True)
class Shot:
    """An answer with its picture, made once for all viewers."""

    number: int
    """Counts the answers of this run from 1."""
    answer: Answer
    jpeg: bytes
    made_at_s: float
    """`time.monotonic()`."""


@dataclass(frozen=True)
class Updates:
    """Points and events that are new to a viewer."""

    points: list[HistoryPoint]
    events: list[NumberedEvent]
    silent_s: float | None
    """Seconds since the last answer; None before the first."""


@dataclass(frozen=True)
class Status:
    """What a camera loop is and does at one moment."""

    run: str
    seen: Seen | None
    """None before the model is loaded."""
    health: HealthState
    has_picture: bool
    """Whether the newest answer is true: pictures come, and they change."""
    newest: Answer | None
    silent_s: float | None
    """Seconds since the newest answer; None before the first."""
    running_s: float
    fps: float
    """Answers per second, over the last second."""
    temperature_c: float | None
    totals: Totals
    deliveries: tuple[Deliveries, ...]
    last_event: int
    """The number of the newest event; 0 before the first."""


class LiveState:
    """The newest answer, and the history of the last minutes.

    It costs the loop little: the loop leaves a reference, and the thread of a viewer encodes the picture. A
    slow viewer skips pictures.

    Args:
        temperature_c: gives the temperature of the processor, in degrees Celsius.
    """

    def __init__(self, temperature_c: Callable[[], float | None]) -> None:
        self.run = secrets.token_hex(4)
        """Identifies this run: after a restart, the numbers of an earlier run mean nothing."""
        self._changed = threading.Condition()
        self._history = History(time.monotonic(), temperature_c)
        self._number = 0
        self._newest: Answer | None = None
        self._answered_at_s = 0.0
        self._closed = False
        self._making = threading.Lock()
        self._shot: Shot | None = None
        self._started_s = time.monotonic()
        self._seen: Seen | None = None
        self._deliveries: Callable[[], tuple[Deliveries, ...]] = tuple
        self._health, self._totals = Health(), Totals()

    def introduce(self, seen: Seen, deliveries: Callable[[], tuple[Deliveries, ...]]) -> None:
        """Says what the camera is, and how its couriers are asked."""
        with self._changed:
            self._seen, self._deliveries = seen, deliveries

    def status(self) -> Status:
        """Returns what the loop is and does now."""
        with self._changed:
            self._history.tick(time.monotonic())
            point = self._history.newest
            return Status(
                run=self.run,
                seen=self._seen,
                health=self._health.state,
                has_picture=self._newest is not None and self._health.has_picture,
                newest=self._newest,
                silent_s=time.monotonic() - self._answered_at_s if self._newest else None,
                running_s=time.monotonic() - self._started_s,
                fps=point.fps if point else 0.0,
                temperature_c=point.temperature_c if point else None,
                totals=self._totals.copy(),
                deliveries=self._deliveries(),
                last_event=self._history.events_seen,
            )

    def events_after(self, number: int) -> list[NumberedEvent]:
        """Returns the kept events after this number, oldest first."""
        with self._changed:
            return self._history.events_after(number)

    def add_answer(self, answer: Answer) -> None:
        """Makes `answer` the newest."""
        with self._changed:
            self._totals.add_answer(answer)
            self._health.note_answer(answer)
            self._number += 1
            self._newest, self._answered_at_s = answer, time.monotonic()
            self._history.add_answer(answer.timing.age_ms, self._answered_at_s)
            self._changed.notify_all()

    def add_event(self, event: Event) -> None:
        """Adds an event to the history."""
        with self._changed:
            self._totals.add_event(event)
            self._health.note_event(event)
            self._history.add_event(event)

    def tick(self) -> None:
        """Continues the history; to be called a few times a second while no answers come."""
        with self._changed:
            self._history.tick(time.monotonic())

    def close(self) -> None:
        """Ends every wait, now and later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def shot_after(self, number: int, timeout_s: float) -> Shot | None:
        """Returns the newest shot, once there is one after `number`; None if none comes in time.

        At most `MAX_FPS` shots are made in a second, for any number of viewers.

        Raises:
            BadImage: the frame's JPEG cannot be decoded in full.
        """
        ends_at_s = time.monotonic() + timeout_s
        with self._making:  # one viewer's thread makes the shot; the others wait here for it
            if not self._wait_for_answer(number, ends_at_s):
                return None
            shot, now_s = self._shot, time.monotonic()
            rest_s = shot.made_at_s + 1 / MAX_FPS - now_s if shot else 0.0
            if shot and rest_s > 0:
                if shot.number > number:
                    return shot
                time.sleep(rest_s)
            with self._changed:
                newest, newest_number = self._newest, self._number
            if newest and (shot is None or shot.number != newest_number):
                self._shot = shot = Shot(newest_number, newest, page_jpeg(newest.frame), time.monotonic())
            return shot

    def updates_after(self, point: int, event: int) -> Updates:
        """Returns what came after the point and the event of these numbers."""
        with self._changed:
            return Updates(
                self._history.points_after(point),
                self._history.events_after(event),
                time.monotonic() - self._answered_at_s if self._newest else None,
            )

    def _wait_for_answer(self, number: int, ends_at_s: float) -> bool:
        def is_there() -> bool:
            return self._closed or self._number > number

        with self._changed:
            self._changed.wait_for(is_there, max(0.0, ends_at_s - time.monotonic()))
            return not self._closed and self._number > number


def page_jpeg(frame: Frame) -> bytes:
    """Returns a frame as JPEG: the one that it came in, if it is small enough, or a new one.

    Raises:
        BadImage: its JPEG is damaged, though not the part that was classified.
    """
    if frame.jpeg is not None and len(frame.jpeg) <= MAX_JPEG_BYTES:
        return frame.jpeg
    pixels = _scaled_down(frame.pixels)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _scaled_down(pixels: np.ndarray) -> np.ndarray:
    height_px, width_px = pixels.shape[:2]
    if width_px <= MAX_WIDTH_PX:
        return pixels
    size_px = (MAX_WIDTH_PX, max(1, round(height_px * MAX_WIDTH_PX / width_px)))
    return cv2.resize(pixels, size_px, interpolation=cv2.INTER_AREA)


def live_reply(run: str, shot: Shot | None, updates: Updates) -> bytes:
    """Returns the content of `/live`: one line of JSON, then the JPEG; no JPEG without a new picture.

    Picture and answer belong to the same frame. Times are ages in seconds, as the viewer's clock may differ.
    """
    now_s = time.monotonic()
    state: dict[str, Any] = {
        "run": run,
        "silent_s": _rounded(updates.silent_s),
        "points": [_point(point, now_s) for point in updates.points],
        "events": [_event(numbered, now_s) for numbered in updates.events],
        "shot": None if shot is None else {"number": shot.number, **_answer(shot.answer, now_s)},
    }
    line = json.dumps(state, ensure_ascii=False, separators=(",", ":"))
    return line.encode(errors="replace") + b"\n" + (b"" if shot is None else shot.jpeg)


def _answer(answer: Answer, now_s: float) -> dict[str, Any]:
    frame, decision, timing = answer.frame, answer.decision, answer.timing
    ages = timing.recent_ages
    return {
        "label": decision.shown.label,
        "ranking": [(label, round(confidence, 4)) for label, confidence in decision.shown.ranking],
        "held_s": round(frame.time_s - decision.since_s, 1),
        "fps": _rounded(timing.fps),
        "ages_ms": None if ages is None else [round(value, 1) for value in astuple(ages)],
        "latency_ms": round(timing.latency_ms, 2),
        "age_s": round(now_s - frame.captured_at_s, 3),
    }


def _point(point: HistoryPoint, now_s: float) -> dict[str, Any]:
    return {
        "number": point.number,
        "ago_s": round(now_s - point.at_s, 1),
        "fps": round(point.fps, 1),
        "age_ms": [round(value, 1) for value in point.age_ms],
        "temperature_c": _rounded(point.temperature_c),
    }


def _event(numbered: NumberedEvent, now_s: float) -> dict[str, Any]:
    event = numbered.event
    return {
        "number": numbered.number,
        "ago_s": round(now_s - event.at_s, 1),
        "kind": event.kind,
        "text": event.text,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
