"""Camera loop: takes the newest frame, classifies it, and gives the answer to every sink."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from ..classifier import Classifier
from ..engines.engine import Engine
from ..engines.watched import Interrupted, watched
from ..errors import BadImage, EdgeclsError, EngineStuck, Unavailable
from .answer import Answer, Sink, Timing, announcement
from .control import POLL_S, Control, StopRequest
from .decision import Decider
from .event import Event, OnEvent, ignore
from .event_log import EventLog
from .frame import Frame
from .loop_report import LoopReport, Tally
from .pace import Pace
from .rates import FrameRate, RecentAges
from .region import RegionOutside, RegionWatch
from .sinks import Sinks, collecting
from .sources.source import EndOfSource, Source
from .stillness import Stillness
from .view import AS_IT_COMES, View, network_input

_OUTDATED_S, _OUTDATED_FRAMES = 5.0, 3
"""An answer is out of date after so many frames, and so much time, without another."""
_DAMAGED_IN_A_ROW = 10
"""A one-shot run of a camera ends at so many damaged pictures in a row; a few are dropped, as always."""


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
    control: Control | None = None
    """What may pause it."""

    def run(self, source: Source) -> LoopReport:
        """Opens the source and classifies its frames until it ends, a limit is reached or `stop` says so.

        Whatever one frame or a sink raises is an event for a camera that runs unattended, which goes on: a
        damaged JPEG, an output that is not a number, a picture too small for the region, a full disk. It is
        the end of a one-shot run: one with a limit, or with a source that ends; but a camera's damaged JPEGs
        end it only if there are ten in a row. The sinks are closed in every case.

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
        goes_on = self.max_frames is None and source.live
        sinks = Sinks(self.sinks, goes_on=goes_on, on_event=self.on_event)
        classifier = self.classifier
        watching = watched(
            classifier.engine, classifier.path, classifier.model_bytes, lambda: self.stop.requested
        )
        with sinks.closing(failures), source, collecting(failures), watching as engine:
            yield from self._answers(source, sinks, tally, engine, goes_on=goes_on)
        report = tally.report(source, failure=failures[0] if failures else None)
        return replace(
            report,
            lost_answers=sinks.lost_answers,
            dropped_lines=sinks.dropped_lines,
            deliveries=sinks.deliveries,
            fps_asked=self.pace.fps_asked,
            cpu_asked=self.pace.cpu_asked,
        )

    def _answers(
        self, source: Source, sinks: Sinks, tally: Tally, engine: Engine, *, goes_on: bool
    ) -> Iterator[Answer]:
        rate, ages = FrameRate(), RecentAges()
        region = RegionWatch(self.on_event) if goes_on else None
        damaged, failed, last = 0, 0, None
        for frame in self._frames(source, sinks, tally):
            if frame is None or frame.is_frozen:
                if last is not None and (frame or last.announced is not None):
                    last = self._withdrawal(frame or _outdated(last, time.monotonic()), last)
                    yield self._given(last, sinks)
                continue
            try:
                answer = self._answer(frame, engine, region, rate, ages)
            except Interrupted:
                return
            except EngineStuck as error:
                self.on_event(Event("engine_stuck", str(error)))
                raise
            except EdgeclsError as error:
                damaged = damaged + 1 if isinstance(error, BadImage) else 0
                if not goes_on and not (source.live and 0 < damaged < _DAMAGED_IN_A_ROW):
                    raise
                self._count(error, tally)
                failed += 1
                if last is not None and _is_outdated(last, frame, failed):
                    last = self._withdrawal(_outdated(last, frame.captured_at_s), last)
                    yield self._given(last, sinks)
                sinks.idle()
                continue
            damaged = failed = 0
            if answer is None:
                tally.add_still(frame)
                sinks.idle()
                continue
            tally.add(answer)
            yield self._given(answer, sinks)
            last = answer

    def _given(self, answer: Answer, sinks: Sinks) -> Answer:
        """Gives an answer to everybody who is told what is announced."""
        if answer.decision.changed:
            self.on_event(announcement(answer))
        sinks.write(answer)
        return answer

    def _withdrawal(self, frame: Frame, last: Answer) -> Answer:
        """Returns the answer for a frame that is out of date: nothing is announced, whatever was before."""
        decision = self.decider.withdraw(last.decision.shown, frame.time_s)
        return Answer(self.view.upright(frame), last.prediction.with_label(None), decision, last.timing)

    def _frames(self, source: Source, sinks: Sinks, tally: Tally) -> Iterator[Frame | None]:
        """Yields frames, and None again and again while the source is silent, or the loop is paused."""
        while not self.stop.requested and tally.seen != self.max_frames:
            if self.control and self.control.is_paused:
                time.sleep(POLL_S)
                sinks.idle()
                yield None
                continue
            pause_s = self.pace.pause_s()
            if pause_s > 0:
                time.sleep(min(pause_s, POLL_S))
                sinks.idle()
                continue
            try:
                frame = source.read(POLL_S)
            except EdgeclsError:
                if self.stop.requested:  # a picture that was given up is no failure
                    return
                raise
            except EndOfSource as end:
                if source.live and self.max_frames is not None:
                    so_far = f"ended after {tally.seen:,} of {self.max_frames:,} frames"
                    raise Unavailable(f"{source.description}: {so_far}; run it again") from end
                return
            if frame is None:
                sinks.idle()
                if source.is_silent:
                    yield None
            else:
                self.pace.took()
                yield frame

    def _answer(
        self,
        frame: Frame,
        engine: Engine,
        region: RegionWatch | None,
        rate: FrameRate,
        ages: RecentAges,
    ) -> Answer | None:
        """Classifies one frame and times each stage; None where nothing moved.

        Raises:
            BadImage: the frame's JPEG is damaged.
            InvalidOutput: the network failed, or gave NaN or infinity.
            EngineStuck, Interrupted: it gives no answer; see `WatchedEngine`.
            RegionOutside: the picture does not hold the region; with a `region` watch, nothing of it.
        """
        classifier = self.classifier
        started_s = time.perf_counter()
        image = self._network_input(frame, region)
        if self.stillness is not None and self.stillness.is_still(image, frame.time_s):
            return None
        prepared_s = time.perf_counter()
        probabilities = engine.probabilities(image)
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

    def _network_input(self, frame: Frame, region: RegionWatch | None) -> np.ndarray:
        rule, view = self.classifier.card.image, self.view
        if region is None or view.roi is None:
            return network_input(frame, rule, view)
        try:
            image = network_input(frame, rule, view)
        except RegionOutside as error:
            region.note_outside(view.roi, error)
            if error.clipped is None:
                raise
            return network_input(frame, rule, replace(view, roi=error.clipped))
        region.note_inside(view.roi)
        return image

    def _count(self, error: EdgeclsError, tally: Tally) -> None:
        """Counts a frame without an answer; of several in a row, only the first is an event."""
        if isinstance(error, RegionOutside):
            tally.add_failed("left_out")  # the watch has reported it
            return
        kind = "corrupt" if isinstance(error, BadImage) else "invalid_output"
        if tally.add_failed(kind):
            self.on_event(Event(kind, f"{kind.replace('_', ' ')}: {error}"))


def _is_outdated(last: Answer, frame: Frame, failed: int) -> bool:
    """Whether a label is announced still, though no frame up to this one gave another answer."""
    passed_s = frame.captured_at_s - last.frame.captured_at_s
    return last.announced is not None and failed >= _OUTDATED_FRAMES and passed_s >= _OUTDATED_S


def _outdated(last: Answer, now_s: float) -> Frame:
    """The frame of an answer that says nothing about now."""
    return replace(last.frame, captured_at_s=now_s, is_frozen=True)


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
