"""Camera loop: takes the newest frame, classifies it, and gives the answer to every sink."""

import os
import signal
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import FrameType

from ..classifier import Classifier
from ..errors import BadImage, EdgeclsError, InvalidOutput, Unavailable
from .answer import Answer, Sink, Timing, announcement
from .decision import Decider
from .event import Event, OnEvent, ignore
from .event_log import EventLog
from .frame import Frame
from .loop_report import LoopReport, Tally
from .pace import Pace, Stillness
from .rates import FrameRate, RecentAges
from .sources.source import EndOfSource, Source
from .view import AS_IT_COMES, View, network_input

POLL_S = 0.2
"""Seconds between two looks at whether to stop."""


class StopRequest:
    """A request to end the loop: from Ctrl-C or SIGTERM, from a window's key, from a pipe that nobody reads.

    Not a `threading.Event`: that takes a lock, on which a signal handler can deadlock.
    """

    requested = False

    def request(self) -> None:
        """Asks the loop to end after the frame in hand."""
        self.requested = True


@contextmanager
def stop_on_signals() -> Generator[StopRequest]:
    """Turns the first SIGINT, SIGTERM or SIGHUP into a stop request; the second exits at once, 130 or 143.

    SIGHUP comes when a terminal closes; under `nohup` it stays ignored. Works in the main thread only, where
    Python runs its signal handlers.
    """
    stop, first = StopRequest(), True

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal first
        if not first:
            os._exit(128 + number)  # no clean-up: that is what did not end after the first signal
        first = False
        stop.request()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Loop:
    """Camera loop: classifies the frames of a source; by default every frame, as it is."""

    classifier: Classifier
    sinks: Sequence[Sink] = ()
    max_frames: int | None = None
    """Number of frames to classify; None: until the source ends, which a camera does not."""
    view: View = AS_IT_COMES
    decider: Decider = field(default_factory=Decider)
    pace: Pace = field(default_factory=Pace)
    stillness: Stillness | None = None
    """Frames that it calls still are not classified; None: every frame is."""
    stop: StopRequest = field(default_factory=StopRequest)
    on_event: OnEvent = ignore

    def run(self, source: Source) -> LoopReport:
        """Opens the source and classifies its frames until it ends, a limit is reached or `stop` says so.

        A frame without an answer, because its JPEG is damaged or the network's output is not a number, is an
        event for a camera that runs unattended, which goes on, and the end of a one-shot run: one with a
        limit, or with a source that ends. The sinks are closed in every case.

        Returns:
            What was done, with the error that ended it early, if one did: its answers have been given.

        Raises:
            EdgeclsError: the source cannot be opened.
        """
        return drained(self.answers(source))

    def answers(self, source: Source) -> Generator[Answer, None, LoopReport]:
        """`run`, step by step: yields each answer after the sinks have had it, and returns the report."""
        tally = Tally()
        failures: list[EdgeclsError] = []
        with self._closing_sinks(failures), source, _collecting(failures):
            yield from self._answers(source, tally)
        return tally.report(source, failure=failures[0] if failures else None)

    @contextmanager
    def _closing_sinks(self, failures: list[EdgeclsError]) -> Generator[None]:
        with ExitStack() as closing:
            for sink in self.sinks:
                closing.callback(_close, sink, failures)
            yield

    def _answers(self, source: Source, tally: Tally) -> Iterator[Answer]:
        one_shot = self.max_frames is not None or not source.live
        rate, ages = FrameRate(), RecentAges()
        for frame in self._frames(source):
            try:
                answer = self._answer(frame, rate, ages)
            except (BadImage, InvalidOutput) as error:
                if one_shot:
                    raise
                self._report_once(error, tally)
                continue
            if answer is None:
                tally.add_still(frame)
                self._idle()
                continue
            tally.add(answer)
            if answer.decision.changed:
                self.on_event(announcement(answer))
            for sink in self.sinks:
                sink.write(answer)
            yield answer

    def _frames(self, source: Source) -> Iterator[Frame]:
        given = 0
        while not self.stop.requested and given != self.max_frames:
            pause_s = self.pace.pause_s()
            if pause_s > 0:
                time.sleep(min(pause_s, POLL_S))
                self._idle()
                continue
            try:
                frame = source.read(POLL_S)
            except EndOfSource as end:
                if source.live and self.max_frames is not None:
                    so_far = f"ended after {given:,} of {self.max_frames:,} frames"
                    raise Unavailable(f"{source.description}: {so_far}; run it again") from end
                return
            if frame is None:
                self._idle()
            else:
                given += 1
                self.pace.took()
                yield frame

    def _answer(self, frame: Frame, rate: FrameRate, ages: RecentAges) -> Answer | None:
        """Classifies one frame and times each stage; None where nothing moved.

        Raises:
            BadImage: the frame's JPEG is damaged.
            InvalidOutput: the network gave NaN or infinity.
        """
        classifier = self.classifier
        started_s = time.perf_counter()
        image = network_input(frame, classifier.card.image, self.view)
        if self.stillness is not None and self.stillness.is_still(image, frame.time_s):
            return None
        prepared_s = time.perf_counter()
        probabilities = classifier.engine.probabilities(image)
        answered_s = time.perf_counter()
        prediction = classifier.rank(probabilities)
        decision = self.decider.update(prediction, frame.time_s)
        now_s = time.monotonic()
        age_ms = (now_s - frame.captured_at_s) * 1e3
        timing = Timing(
            prepare_ms=(prepared_s - started_s) * 1e3,
            engine_ms=(answered_s - prepared_s) * 1e3,
            age_ms=age_ms,
            fps=rate.add(now_s),
            recent_ages=ages.add(now_s, age_ms),
        )
        return Answer(self.view.upright(frame), prediction, decision, timing)

    def _report_once(self, error: EdgeclsError, tally: Tally) -> None:
        """Reports the first of several failed frames in a row, not thirty a second."""
        kind = "corrupt" if isinstance(error, BadImage) else "invalid_output"
        if tally.add_failed(kind):
            self.on_event(Event(kind, f"{kind.replace('_', ' ')}: {error}"))
        self._idle()

    def _idle(self) -> None:
        for sink in self.sinks:
            sink.idle()


@contextmanager
def _collecting(failures: list[EdgeclsError]) -> Generator[None]:
    try:
        yield
    except EdgeclsError as error:
        failures.append(error)


def _close(sink: Sink, failures: list[EdgeclsError]) -> None:
    with _collecting(failures):
        sink.close()


def drained(answers: Generator[Answer, None, LoopReport]) -> LoopReport:
    """Runs a loop to its end and returns its report."""
    while True:
        try:
            next(answers)
        except StopIteration as end:
            return end.value


def run_logged(loop: Loop, source: Source, log: EventLog, version: str) -> LoopReport:
    """`Loop.run` with an event log; see `logged_answers`."""
    return drained(logged_answers(loop, source, log, version))


def logged_answers(
    loop: Loop, source: Source, log: EventLog, version: str
) -> Generator[Answer, None, LoopReport]:
    """`Loop.answers`, with `started` before and `stopped`, which carries the counts, after all other events.

    The log is on the disk when this returns or raises.

    Raises:
        EdgeclsError: the source cannot be opened; the log says so too.
    """
    log.event(_started(loop, source, version))
    try:
        report = yield from loop.answers(source)
    except BaseException as error:
        with suppress(EdgeclsError):  # the first error is the one to report
            what = _reason(error)
            log.event(Event("stopped", what, facts={"failure": what}))
            log.close()
        raise
    log.event(Event("stopped", report.text.splitlines()[0], facts=report.to_json()))
    try:
        log.close()
    except EdgeclsError as error:
        return replace(report, failure=report.failure or error)
    return report


def _reason(error: BaseException) -> str:
    if isinstance(error, GeneratorExit):
        return "the program that watched it ended"
    return str(error) if isinstance(error, EdgeclsError) else f"a bug: {error!r}"


def _started(loop: Loop, source: Source, version: str) -> Event:
    classifier = loop.classifier
    facts = {
        "version": version,
        "source": source.description,
        "model": str(classifier.path),
        "engine": classifier.engine.name,
        "labels": len(classifier.card.labels),
        "threshold": classifier.threshold,
    }
    return Event("started", f"edgecls {version}: {classifier.path} on {source.description}", facts=facts)
