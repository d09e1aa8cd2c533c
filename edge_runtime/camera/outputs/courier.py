"""Courier: carries what the loop offers to something outside that may be slow, refuse, hang or be away.

An action's command, a webhook, a pin or a broker has a courier, with a thread and a bounded queue of its own:
the loop adds to the queue, which takes microseconds, and never waits. What fails is tried again after growing
pauses, and is one event until it works again.

    courier = Courier(destination, farewell, on_event)
    courier.offer(item)                 # events: each is carried; of too many, the oldest are dropped
    courier.replace("state", value)     # states: only the newest value of a key is carried
    courier.tend()                      # in the loop's thread: passes events on
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Generic, TypeVar

from ...errors import EdgeclsError
from ..answer import Deliveries
from ..control import POLL_S
from ..event import Event, OnEvent
from ..pace import Busy, growing_pause_s
from ..sinks import DROPS_S
from .destination import Carrying, Destination, Farewell, Refused

MOST_WAITING = 100
"""Items that wait for something slow; then the oldest is dropped for each new one."""
_MOST_NEWS = 50

Carried = TypeVar("Carried")


@dataclass
class _Counts:
    done: int = 0
    failed: int = 0
    dropped: int = 0
    skipped: int = 0


@dataclass
class _Taken(Generic[Carried]):
    """An item in hand."""

    item: Carried
    offered_s: float
    attempt: Carrying
    key: Hashable | None = None
    """Of a state; None for an event."""


@dataclass(frozen=True)
class CourierSettings:
    """How a courier carries."""

    most: int = MOST_WAITING
    """The most events that wait."""
    busy: Busy = "queue"
    tries_again: bool = True
    """Whether what was not delivered is tried again after growing pauses; a command runs once."""
    max_age_s: float = inf
    """An event that could not be delivered for so long is given up."""
    limit_s: float = inf
    """An attempt that takes longer is interrupted."""


@dataclass
class Courier(Generic[Carried]):
    """Carries items to one destination, in a thread that starts with the first of them.

    `offer`, `replace`, `tend` and `close` are the loop's, and never wait, but for `close`.

    Args:
        destination: where to.
        farewell: the time to end in.
        on_event: gets `output_failed`, `output_works` and `output_dropped`, in the thread that calls `tend`.
        settings: how.
        clock: monotonic seconds.
        has_thread: False in tests, which call `step` themselves.
    """

    destination: Destination[Carried]
    farewell: Farewell
    on_event: OnEvent
    settings: CourierSettings = field(default_factory=CourierSettings)
    clock: Callable[[], float] = time.monotonic
    has_thread: bool = True

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._events: deque[tuple[Carried, float]] = deque()
        self._states: dict[Hashable, Carried] = {}
        self._taken: _Taken[Carried] | None = None
        self._thread: threading.Thread | None = None
        self._news: deque[Event] = deque(maxlen=_MOST_NEWS)
        self._counts = _Counts()
        self._failures = 0
        self._retry_at_s = -inf
        self._dropped_at_s = -inf
        self._is_closing = self._is_over = self._states_turn = False

    @property
    def deliveries(self) -> Deliveries:
        """What became of the items so far."""
        counts = self._counts
        return Deliveries(self.destination.name, counts.done, counts.failed, counts.dropped, counts.skipped)

    def offer(self, item: Carried) -> None:
        """Adds an event; the oldest that waits is dropped where there are too many."""
        with self._changed:
            if self._is_over:
                self._drop(1)
                return
            busy = self.settings.busy
            if busy == "skip" and (self._taken or self._events):
                self._counts.skipped += 1
                return
            if busy == "restart":
                self._counts.skipped += len(self._events)
                self._events.clear()
                if self._taken:
                    self._taken.attempt.is_replaced = True
                    self._taken.attempt.interrupt()
            while len(self._events) >= self.settings.most:
                self._events.popleft()
                self._drop(1)
            self._events.append((item, self.clock()))
            self._wake()

    def replace(self, key: Hashable, item: Carried) -> None:
        """Sets the newest value of a state; one that still waits is forgotten, and not counted."""
        with self._changed:
            if not self._is_over:
                self._states[key] = item
                self._wake()

    def tend(self) -> None:
        """Interrupts an attempt that takes too long, and passes on what happened; the loop calls it often."""
        taken = self._taken
        if taken and self.clock() - taken.attempt.started_s > self.settings.limit_s:
            taken.attempt.interrupt()
        while self._news:
            self.on_event(self._news.popleft())

    def step(self) -> float | None:
        """Delivers one item, if one is due.

        Returns:
            Seconds until there is something to do; None: until something is offered.
        """
        with self._changed:
            wait_s = self._take()
            taken = self._taken
        if taken is None:
            return wait_s
        error: Exception | None = None
        try:
            self.destination.deliver(taken.item, taken.attempt)
        except Exception as raised:  # a bug too: it is told as an event, and the courier goes on
            error = raised
        with self._changed:
            self._taken = None
            if error is None:
                self._note_success()
            elif taken.attempt.is_interrupted and (taken.attempt.is_replaced or self._is_over):
                self._note_interruption(taken)
            else:
                self._note_failure(error, taken)
            self._changed.notify_all()
        return 0.0

    def begin_closing(self) -> None:
        """What waits is delivered now, without pauses; after a failure it is given up."""
        with self._changed:
            self._is_closing = True
            self._retry_at_s = -inf
            self._changed.notify_all()

    def close(self) -> None:
        """Delivers what waits, within the farewell's time, and ends. May be called twice."""
        self.begin_closing()
        with self._changed:
            while self._has_work and self._thread and (left_s := self.farewell.left_s()) > 0:
                self._changed.wait(min(left_s, POLL_S))
            self._is_over = True
            self._drop(len(self._events))
            self._events.clear()
            self._states.clear()
            taken = self._taken
            self._changed.notify_all()
        if taken:
            taken.attempt.interrupt()
        if self._thread:
            self._thread.join(self.farewell.end_left_s())
        self.tend()

    @property
    def _has_work(self) -> bool:
        return bool(self._taken or self._events or self._states)

    def _wake(self) -> None:
        if self._thread is None and self.has_thread:
            thread = threading.Thread(target=self._run, name=f"courier {self.destination.name}", daemon=True)
            with suppress(RuntimeError):  # the system has no room for a thread; the next item tries again
                thread.start()
                self._thread = thread
        self._changed.notify_all()

    def _run(self) -> None:
        while True:
            wait_s = self.step()
            with self._changed:
                if self._is_over:
                    return
                if wait_s is None and not self._events and not self._states:
                    self._changed.wait()
                elif wait_s:
                    self._changed.wait(min(wait_s, POLL_S))  # closing makes it shorter

    def _take(self) -> float | None:
        """Takes the item that is due into hand; else returns when to look again."""
        now_s = self.clock()
        while self._events and now_s - self._events[0][1] > self.settings.max_age_s:
            self._events.popleft()
            self._counts.failed += 1
        if self._is_over or not (self._events or self._states):
            return None
        if now_s < self._retry_at_s:
            return self._retry_at_s - now_s
        self._states_turn = bool(self._states) and (not self._events or not self._states_turn)
        if self._states_turn:
            key = next(iter(self._states))
            self._taken = _Taken(self._states.pop(key), now_s, Carrying(now_s), key)
        else:
            item, offered_s = self._events.popleft()
            self._taken = _Taken(item, offered_s, Carrying(now_s))
        return 0.0

    def _note_success(self) -> None:
        self._counts.done += 1
        if self._failures:
            facts = {"output": self.destination.name, "failures": self._failures}
            self._news.append(Event("output_works", f"{self.destination.name} works again", facts=facts))
        self._failures, self._retry_at_s = 0, -inf

    def _note_interruption(self, taken: "_Taken[Carried]") -> None:
        if taken.attempt.is_replaced:
            self._counts.skipped += 1
        elif taken.key is None:
            self._drop(1)

    def _note_failure(self, error: Exception, taken: "_Taken[Carried]") -> None:
        self._failures += 1
        waits = self.settings.tries_again and not self._is_closing and not isinstance(error, Refused)
        pause_s = growing_pause_s(self._failures) if self.settings.tries_again else 0.0
        self._retry_at_s = self.clock() + pause_s
        if waits:
            self._put_back(taken)
        elif taken.key is None:
            self._counts.failed += 1
        if self._is_closing and self.settings.tries_again:
            self._drop(len(self._events))
            self._events.clear()
            self._states.clear()
        if self._failures == 1:
            again = f"; trying again in {pause_s:g} s" if waits else ""
            facts = {"output": self.destination.name}
            self._news.append(Event("output_failed", f"{self._reason(error)}{again}", facts=facts))

    def _reason(self, error: Exception) -> str:
        if isinstance(error, EdgeclsError):
            why = str(error).partition("; ")[0]
        elif isinstance(error, OSError):
            why = (error.strerror or str(error) or type(error).__name__).lower()
        else:
            why = f"a bug: {error!r}"
        return why if why.startswith(self.destination.name) else f"{self.destination.name}: {why}"

    def _put_back(self, taken: "_Taken[Carried]") -> None:
        if taken.key is not None:
            self._states.setdefault(taken.key, taken.item)
        elif len(self._events) < self.settings.most:
            self._events.appendleft((taken.item, taken.offered_s))
        else:
            self._drop(1)

    def _drop(self, count: int) -> None:
        """Counts what is dropped; the first, and then one in a while, is an event."""
        self._counts.dropped += count
        now_s = self.clock()
        if count and now_s - self._dropped_at_s >= DROPS_S:
            self._dropped_at_s = now_s
            text = f"{self.destination.name}: too slow or away; the oldest that wait are dropped"
            facts = {"output": self.destination.name, "dropped": self._counts.dropped}
            self._news.append(Event("output_dropped", text, facts=facts))


def close_all(couriers: Sequence[Courier[Carried]]) -> None:
    """Closes couriers, which share the time of their farewell."""
    for courier in couriers:
        courier.begin_closing()
    for courier in couriers:
        courier.close()
