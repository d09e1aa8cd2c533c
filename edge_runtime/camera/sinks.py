"""Sinks of a loop: each gets every answer; in a loop that goes on, one that fails is tried again later."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager

from ..errors import EdgeclsError, OutputFailed
from .answer import Answer, Deliveries, Sink
from .event import Event, OnEvent
from .pace import growing_pause_s

DROPS_S = 10.0
"""After this time without a dropped line, a reader that is too slow again is another event."""


class Sinks:
    """Gives answers to sinks.

    Where the loop goes on, no sink ends it, whatever is full, gone or refused: its error is one event until
    it works again; it is tried again after growing pauses, and the answers that it missed are counted. In a
    one-shot run the error is raised.

    Args:
        sinks: closed by `closing`.
        goes_on: whether the loop goes on, unattended.
        on_event: gets `output_failed`, `output_works` and `lines_dropped`.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        *,
        goes_on: bool,
        on_event: OnEvent,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sinks = [_Watched(sink, on_event, clock) for sink in sinks]
        self._goes_on = goes_on

    @property
    def lost_answers(self) -> int:
        """Answers that a failing sink did not get."""
        return sum(watched.lost for watched in self._sinks)

    @property
    def dropped_lines(self) -> int:
        """See `Sink.dropped`."""
        return sum(watched.sink.dropped for watched in self._sinks)

    @property
    def deliveries(self) -> tuple[Deliveries, ...]:
        """See `Sink.deliveries`."""
        return tuple(each for watched in self._sinks for each in watched.sink.deliveries)

    def write(self, answer: Answer) -> None:
        """Gives an answer to every sink."""
        for watched in self._sinks:
            if watched.failures and not watched.is_due():
                watched.lost += 1
                continue
            try:
                watched.sink.write(answer)
            except (EdgeclsError, OSError) as error:
                if not self._goes_on:
                    raise
                watched.lost += 1
                watched.note_failure(error)
            else:
                watched.note_success()

    def idle(self) -> None:
        """See `Sink.idle`."""
        for watched in self._sinks:
            if watched.failures and not watched.is_due():
                continue
            try:
                watched.sink.idle()
            except (EdgeclsError, OSError) as error:
                if not self._goes_on:
                    raise
                watched.note_failure(error)

    @contextmanager
    def closing(self, failures: list[EdgeclsError]) -> Generator[None]:
        """Closes every sink, the last first, when the block ends; adds their errors to `failures`."""
        with ExitStack() as closing:
            for watched in self._sinks:
                closing.callback(_close, watched.sink, failures)
            yield


class _Watched:
    """A sink, and what became of it lately."""

    def __init__(self, sink: Sink, on_event: OnEvent, clock: Callable[[], float]) -> None:
        self.sink = sink
        self.failures = self.lost = 0
        self._on_event = on_event
        self._clock = clock
        self._retry_at_s = 0.0
        self._dropped, self._dropped_at_s = 0, -DROPS_S

    def is_due(self) -> bool:
        """Whether a sink that failed is to be tried again."""
        return self._clock() >= self._retry_at_s

    def note_failure(self, error: Exception) -> None:
        self.failures += 1
        pause_s = growing_pause_s(self.failures)
        self._retry_at_s = self._clock() + pause_s
        if self.failures == 1:
            why = str(error).partition("; ")[0]
            self._on_event(Event("output_failed", f"{why}; trying again in {pause_s:g} s"))

    def note_success(self) -> None:
        if self.failures:
            self.failures = 0
            self._on_event(Event("output_works", f"{self.sink.name} works again", facts={"lost": self.lost}))
        if self.sink.dropped != self._dropped:
            self._note_drops()

    def _note_drops(self) -> None:
        self._dropped, before_s, self._dropped_at_s = self.sink.dropped, self._dropped_at_s, self._clock()
        if self._dropped_at_s - before_s >= DROPS_S:
            text = f"{self.sink.name} is not read fast enough; dropping lines"
            self._on_event(Event("lines_dropped", text, facts={"dropped": self._dropped}))


@contextmanager
def collecting(failures: list[EdgeclsError]) -> Generator[None]:
    """Adds an error of ours to `failures`, in place of raising it."""
    try:
        yield
    except EdgeclsError as error:
        failures.append(error)


def _close(sink: Sink, failures: list[EdgeclsError]) -> None:
    with collecting(failures):
        try:
            sink.close()
        except OSError as error:
            raise OutputFailed(
                f"{sink.name}: {(error.strerror or str(error)).lower()}; check the disk"
            ) from error
