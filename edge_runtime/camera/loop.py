"""The camera loop: the newest frame in, its label out to every sink."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ..classifier import Classifier
from ..errors import EdgeclsError, InvalidOutput
from ..image import prepare
from ..prediction import Prediction
from .event import Event, OnEvent, ignore
from .frame import Frame
from .loop_report import LoopReport, Tally
from .rates import FrameRate
from .sink import Sink, Timing
from .source import EndOfSource, Source
from .stop import POLL_S, StopRequest


@dataclass(frozen=True)
class Limits:
    """When the loop ends by itself."""

    max_frames: int | None = None
    """None: when the source ends, which a camera does not."""


def run_loop(
    source: Source,
    classifier: Classifier,
    sinks: Sequence[Sink],
    limits: Limits,
    stop: StopRequest,
    *,
    on_event: OnEvent = ignore,
) -> LoopReport:
    """Opens the source and classifies its frames until it ends, a limit is reached or `stop` is requested.

    An output that is not a number is an event for a camera that runs unattended, which goes on, and the end
    of a one-shot run: one with a limit, or with a source that ends. The sinks are closed in every case.

    Returns:
        What was done, with the error that ended it early, if one did: its answers have been given.

    Raises:
        EdgeclsError: the source cannot be opened.
    """
    one_shot = limits.max_frames is not None or not source.live
    tally, rate = Tally(), FrameRate()
    failures: list[EdgeclsError] = []
    with ExitStack() as closing:
        for sink in sinks:
            closing.callback(_close, sink, failures)
        with source, _kept(failures):
            for frame in _frames(source, sinks, limits, stop):
                try:
                    prediction, timing = classify_frame(frame, classifier, rate)
                except InvalidOutput as error:
                    if one_shot:
                        raise
                    if tally.add_invalid():  # an event for the first in a row, not thirty a second
                        on_event(Event("invalid_output", f"invalid output: {error}"))
                    _idle(sinks)
                else:
                    tally.add(frame, prediction, timing)
                    for sink in sinks:
                        sink.write(frame, prediction, timing)
    return tally.report(failure=failures[0] if failures else None)


def classify_frame(frame: Frame, classifier: Classifier, rate: FrameRate) -> tuple[Prediction, Timing]:
    """Classifies one frame and times each stage.

    Raises:
        InvalidOutput: the network gave NaN or infinity.
    """
    started_s = time.perf_counter()
    image = prepare(frame.pixels, classifier.card.image)
    prepared_s = time.perf_counter()
    probabilities = classifier.engine.probabilities(image)
    answered_s = time.perf_counter()
    prediction = classifier.rank(probabilities)
    now_s = time.monotonic()
    return prediction, Timing(
        prepare_ms=(prepared_s - started_s) * 1e3,
        engine_ms=(answered_s - prepared_s) * 1e3,
        age_ms=(now_s - frame.captured_at_s) * 1e3,
        fps=rate.add(now_s),
    )


def _frames(source: Source, sinks: Sequence[Sink], limits: Limits, stop: StopRequest) -> Iterator[Frame]:
    given = 0
    while not stop.requested and given != limits.max_frames:
        try:
            frame = source.read(POLL_S)
        except EndOfSource:
            return
        if frame is None:
            _idle(sinks)
        else:
            given += 1
            yield frame


@contextmanager
def _kept(failures: list[EdgeclsError]) -> Iterator[None]:
    try:
        yield
    except EdgeclsError as error:
        failures.append(error)


def _close(sink: Sink, failures: list[EdgeclsError]) -> None:
    with _kept(failures):
        sink.close()


def _idle(sinks: Sequence[Sink]) -> None:
    for sink in sinks:
        sink.idle()
