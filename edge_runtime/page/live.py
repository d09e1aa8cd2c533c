"""What viewers see of a running loop: the loop's thread puts it here, the server's threads take it."""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..camera.answer import Answer
from ..camera.event import Event
from .history import Happening, History, Point
from .picture import page_jpeg

HIGHEST_FPS = 12.0
"""Of pictures to viewers; enough for a movement to be followed."""


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
class Recent:
    """What changed since a viewer asked last."""

    points: list[Point]
    events: list[Happening]
    silent_s: float | None
    """Since the last answer; None before the first."""


class Live:
    """The newest answer and the last minutes.

    Cheap for the loop, which leaves a reference: a picture is encoded by the thread of a viewer who asks for
    one. What a slow viewer did not ask for in time is never sent.
    """

    def __init__(self, temperature_c: Callable[[], float | None]) -> None:
        self.run = secrets.token_hex(4)
        """Tells this run from the one before a restart, whose numbers mean nothing here."""
        self._changed = threading.Condition()
        self._history = History(time.monotonic(), temperature_c)
        self._number = 0
        self._newest: Answer | None = None
        self._answered_at_s = 0.0
        self._closed = False
        self._making = threading.Lock()
        self._shot: Shot | None = None

    def answered(self, answer: Answer) -> None:
        """Takes one more answer."""
        with self._changed:
            self._number += 1
            self._newest, self._answered_at_s = answer, time.monotonic()
            self._history.answered(answer.timing.age_ms, self._answered_at_s)
            self._changed.notify_all()

    def tick(self) -> None:
        """To be called a few times a second while no answers come."""
        with self._changed:
            self._history.tick(time.monotonic())

    def happened(self, event: Event) -> None:
        """Takes one more event."""
        with self._changed:
            self._history.happened(event)

    def close(self) -> None:
        """Ends every wait, now and later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def shot_after(self, number: int, timeout_s: float) -> Shot | None:
        """The newest shot, as soon as there is one after `number`; None where none comes in time.

        At most `HIGHEST_FPS` are made in a second, however many ask.

        Raises:
            BadImage: the frame's JPEG cannot be decoded in full.
        """
        ends_at_s = time.monotonic() + timeout_s
        with self._making:  # one viewer's thread makes it; the others wait here and find it made
            if not self._wait_beyond(number, ends_at_s):
                return None
            shot, now_s = self._shot, time.monotonic()
            rest_s = shot.made_at_s + 1 / HIGHEST_FPS - now_s if shot else 0.0
            if shot and rest_s > 0:
                if shot.number > number:
                    return shot
                time.sleep(rest_s)
            with self._changed:
                newest, newest_number = self._newest, self._number
            if newest and (shot is None or shot.number != newest_number):
                self._shot = shot = Shot(newest_number, newest, page_jpeg(newest.frame), time.monotonic())
            return shot

    def recent(self, point: int, event: int) -> Recent:
        """What came after the point and the event of these numbers."""
        with self._changed:
            return Recent(
                self._history.points_after(point),
                self._history.events_after(event),
                time.monotonic() - self._answered_at_s if self._newest else None,
            )

    def _wait_beyond(self, number: int, ends_at_s: float) -> bool:
        def is_there() -> bool:
            return self._closed or self._number > number

        with self._changed:
            self._changed.wait_for(is_there, max(0.0, ends_at_s - time.monotonic()))
            return not self._closed and self._number > number
