import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.answer import Answer
from edgecls.edge_runtime.camera.control import Control, StopRequest, stop_on_signals
from edgecls.edge_runtime.camera.decision import SteadyDecider
from edgecls.edge_runtime.camera.event import Event, ignore
from edgecls.edge_runtime.camera.event_lines import read_events
from edgecls.edge_runtime.camera.event_log import EventLog
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop, run_logged
from edgecls.edge_runtime.camera.loop_report import LoopReport
from edgecls.edge_runtime.camera.outputs.lines import json_line
from edgecls.edge_runtime.errors import BadImage, InvalidOutput, OutputFailed, Unavailable
from tests.fakes import FakeSink, FakeSource, fake_classifier, frames, picture

CAT, DOG, NOTHING = (0.9, 0.06, 0.04), (0.1, 0.1, 0.8), (0.4, 0.3, 0.3)
NAN, INFINITE = (np.nan, 0.5, 0.5), (np.inf, 0.0, 0.0)


def run(source, classifier, sinks, max_frames, stop, on_event=ignore) -> LoopReport:
    return Loop(classifier, sinks, max_frames, stop=stop, on_event=on_event).run(source)


def test_every_frame_of_a_file_gets_its_answer_in_order():
    sink = FakeSink()
    report = run(FakeSource(frames(3)), fake_classifier(CAT, DOG, CAT), [sink], None, StopRequest())
    assert [answer.prediction.label for answer in sink.answers] == ["cat", "dog", "cat"]
    assert [answer.frame.sequence for answer in sink.answers] == [1, 2, 3]
    assert report.frames == 3
    assert report.labels == (("cat", 2), ("dog", 1))
    assert report.failure is None


def test_the_network_sees_rgb_of_its_own_size():
    classifier = fake_classifier(CAT)
    blue = np.zeros((100, 200, 3), np.uint8)
    blue[..., 0] = 255
    run(FakeSource([Frame(blue, 1, 0.0)]), classifier, [], None, StopRequest())
    (image,) = classifier.engine.images
    assert image.shape == (32, 32, 3)
    assert image.dtype == np.uint8
    assert (image == (0, 0, 255)).all()


def test_a_limit_ends_it_without_asking_for_one_frame_more():
    given = iter(frames(5))
    report = run(FakeSource(given, live=True), fake_classifier(CAT), [], 2, StopRequest())
    assert report.frames == 2
    assert next(given).sequence == 3


def test_a_picture_that_is_given_up_at_a_request_to_stop_is_no_failure():
    stop = StopRequest()

    def given_up() -> Iterator[Frame]:
        yield from frames(2)
        stop.request()
        raise BadImage("slow.tif: decoding it was ended by SIGKILL")

    report = run(FakeSource(given_up()), fake_classifier(CAT), [], None, stop)
    assert report.frames == 2
    assert report.failure is None


def test_a_camera_that_ends_before_the_limit_is_an_error_and_a_file_is_not():
    report = run(FakeSource(frames(2), live=True), fake_classifier(CAT), [], 3, StopRequest())
    assert isinstance(report.failure, Unavailable)
    assert str(report.failure) == "fake: ended after 2 of 3 frames; run it again"
    assert report.frames == 2
    assert run(FakeSource(frames(2)), fake_classifier(CAT), [], 3, StopRequest()).failure is None


def test_a_request_to_stop_ends_it_after_the_frame_in_hand():
    stop, sink = StopRequest(), FakeSink()

    def endless() -> Iterator[Frame]:
        yield from frames(4)
        stop.request()
        yield from frames(1)
        raise AssertionError("read after the request")

    report = run(FakeSource(endless(), live=True), fake_classifier(CAT), [sink], None, stop)
    assert report.frames == 5
    assert sink.closed == 1


def test_while_no_frame_comes_the_sinks_stay_responsive():
    sink = FakeSink()
    run(FakeSource([None, None, *frames(1), None]), fake_classifier(CAT), [sink], None, StopRequest())
    assert (sink.idled, len(sink.answers)) == (3, 1)


@pytest.mark.parametrize("invalid", [NAN, INFINITE])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_unattended_an_output_that_is_no_number_is_one_event_and_no_label(invalid, temperature, recwarn):
    sink, events = FakeSink(), []
    classifier = fake_classifier(CAT, invalid, invalid, DOG, invalid, DOG, temperature=temperature)
    source = FakeSource(frames(6), live=True)
    report = run(source, classifier, [sink], None, StopRequest(), on_event=events.append)
    assert [answer.prediction.label for answer in sink.answers] == ["cat", "dog", "dog"]
    assert [event.kind for event in events] == [
        "invalid_output",
        "invalid_output",
    ]  # one for each run of them
    assert "fake.tflite" in events[0].text
    assert (report.frames, report.invalid_outputs, report.skipped) == (3, 3, 0)
    assert sink.idled == 3
    assert not recwarn


@pytest.mark.parametrize(("live", "limit"), [(False, None), (True, 4)])
def test_in_a_one_shot_run_an_output_that_is_no_number_is_its_end(live, limit):
    sink = FakeSink()
    source = FakeSource(frames(3), live=live)
    report = run(source, fake_classifier(CAT, NAN), [sink], limit, StopRequest())
    assert isinstance(report.failure, InvalidOutput)
    assert report.failure.exit_code == 65
    assert len(sink.answers) == report.frames == 1


def test_answers_before_an_error_of_the_source_are_kept_and_counted():
    sink = FakeSink()
    broken = BadImage("clip.avi: read 2 of 9 frames: the file is truncated")
    source = FakeSource([*frames(2), broken])
    report = run(source, fake_classifier(CAT), [sink], None, StopRequest())
    assert report.failure is broken
    assert report.frames == len(sink.answers) == 2
    assert (sink.closed, source.exited) == (1, 1)


def test_a_sink_that_fails_ends_the_loop_and_the_others_are_closed():
    class FullDisk(FakeSink):
        def write(self, *_: object) -> None:
            raise OutputFailed("full")

        def close(self) -> None:
            raise OutputFailed("still full")

    before, after = FakeSink(), FakeSink()
    report = run(
        FakeSource(frames(3)), fake_classifier(CAT), [before, FullDisk(), after], None, StopRequest()
    )
    assert str(report.failure) == "full"  # the first error, which is the cause
    assert (before.closed, after.closed) == (1, 1)


def test_a_source_that_does_not_open_raises_and_the_sinks_are_closed():
    class Absent(FakeSource):
        def __enter__(self) -> "Absent":
            raise Unavailable("no camera")

    sink = FakeSink()
    with pytest.raises(Unavailable):
        run(Absent([]), fake_classifier(CAT), [sink], None, StopRequest())
    assert sink.closed == 1


def test_a_bug_is_not_swallowed_and_the_sinks_are_closed():
    sink = FakeSink()
    with pytest.raises(ZeroDivisionError):
        run(FakeSource([ZeroDivisionError()]), fake_classifier(CAT), [sink], None, StopRequest())
    assert sink.closed == 1


def test_each_stage_is_timed_and_the_age_counts_from_the_capture():
    sink = FakeSink()
    old = Frame(picture(), 1, time.monotonic() - 2.0)
    run(FakeSource([old, *frames(1)]), fake_classifier(CAT), [sink], None, StopRequest())
    timing = sink.answers[0].timing
    assert 2000 <= timing.age_ms < 1000 * (time.monotonic() - old.captured_at_s)
    assert timing.prepare_ms > 0
    assert timing.engine_ms > 0
    assert timing.latency_ms == timing.prepare_ms + timing.engine_ms
    assert timing.latency_ms < timing.age_ms
    assert timing.fps is None
    assert sink.answers[1].timing.fps is not None


def test_frames_that_a_camera_gave_meanwhile_are_counted_as_skipped():
    seen = [Frame(picture(), sequence, 0.0) for sequence in (10, 11, 15, 16)]
    source = FakeSource(seen, live=True)
    report = run(source, fake_classifier(NOTHING, threshold=0.5), [], None, StopRequest())
    assert report.skipped == 3
    assert report.labels == (("unknown", 4),)


def test_an_event_reaches_whoever_listens():
    events: list[Event] = []
    run(
        FakeSource(frames(1), live=True),
        fake_classifier(NAN),
        [],
        None,
        StopRequest(),
        on_event=events.append,
    )
    assert events[0].text.startswith("invalid output: fake.tflite: the network gave NaN or infinity")


def seen_at(times_s: Iterable[float]) -> list[Frame]:
    return [Frame(picture(), number, 0.0, position_s=time_s) for number, time_s in enumerate(times_s, 1)]


def test_a_label_that_held_is_an_event_and_what_the_sinks_show():
    classifier, sink, events = fake_classifier(CAT, CAT, DOG, CAT, threshold=0.5), FakeSink(), []
    decider = SteadyDecider(classifier, smooth_s=0.0, hold_s=1.0)
    source = FakeSource(seen_at([0.0, 0.5, 1.0, 1.5, 2.0, 2.5]))
    Loop(classifier, [sink], decider=decider, on_event=events.append).run(source)
    assert [answer.prediction.label for answer in sink.answers] == ["cat", "cat", "dog", "cat", "cat", "cat"]
    assert [answer.decision.shown.label for answer in sink.answers] == [None] * 5 + ["cat"]
    assert [(event.kind, event.text) for event in events] == [("label_changed", "cat 90.0% (was unknown)")]
    assert events[0].facts["frame"] == 6


def test_stills_change_nothing():
    events: list[Event] = []
    stills = FakeSource(frames(3, name="a.png"))
    run(stills, fake_classifier(CAT, DOG, CAT), [], None, StopRequest(), events.append)
    assert events == []


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "events.jsonl")


def run_with_log(log: EventLog, source: FakeSource, *answers, **options):
    loop = Loop(fake_classifier(*answers or (CAT,)), on_event=log.event, **options)
    return run_logged(loop, source, log, "1.2.3")


def test_the_first_event_says_what_runs_and_the_last_what_it_did(log: EventLog, tmp_path: Path):
    run_with_log(log, FakeSource(frames(3), live=True), NAN, CAT)
    started, invalid, stopped = read_events(tmp_path / "events.jsonl").events
    assert started.kind == "started"
    assert started.text == "edgecls 1.2.3: fake.tflite on fake"
    assert started.facts == {
        "version": "1.2.3",
        "source": "fake",
        "model": "fake.tflite",
        "engine": "fake 1.0",
        "labels": 3,
        "threshold": 0.0,
    }
    assert invalid.kind == "invalid_output"
    assert stopped.kind == "stopped"
    assert stopped.text.startswith("2 frames in ")
    assert (stopped.facts["frames"], stopped.facts["invalid_outputs"]) == (2, 1)
    assert stopped.facts["labels"] == {"cat": 2}


def test_what_ended_it_early_stands_in_the_last_event(log: EventLog, tmp_path: Path):
    report = run_with_log(log, FakeSource([*frames(1), Unavailable("no frame in 5 s")]))
    assert str(report.failure) == "no frame in 5 s"
    assert read_events(tmp_path / "events.jsonl").events[-1].facts["failure"] == "no frame in 5 s"


@pytest.mark.parametrize(
    ("error", "said"),
    [(Unavailable("no camera"), "no camera"), (ZeroDivisionError(), "a bug: ZeroDivisionError()")],
)
def test_what_kept_it_from_running_stands_there_too(
    log: EventLog, tmp_path: Path, error: Exception, said: str
):
    class Absent(FakeSource):
        def __enter__(self) -> "Absent":
            raise error

    with pytest.raises(type(error)):
        run_with_log(log, Absent([]))
    assert [event.text for event in read_events(tmp_path / "events.jsonl").events][1:] == [said]
    EventLog(tmp_path / "events.jsonl").close()  # it was given back


def test_events_that_no_disk_took_are_the_failure_of_a_run_without_another(tmp_path: Path):
    class Lost(EventLog):
        def close(self) -> None:
            raise OutputFailed("no space")

    log = Lost(tmp_path / "events.jsonl")
    assert str(run_with_log(log, FakeSource(frames(1))).failure) == "no space"
    failed = FakeSource([Unavailable("gone")])
    assert str(run_with_log(log, failed).failure) == "gone"


def test_an_event_after_the_sinks_were_closed_is_written_too(log: EventLog, tmp_path: Path):
    run_with_log(log, FakeSource(frames(1)), sinks=[log, FakeSink()])
    log.event(Event("ended", "late"))
    assert [event.kind for event in read_events(tmp_path / "events.jsonl").events] == [
        "started",
        "stopped",
        "ended",
    ]


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

WAITS = """
import time
from edgecls.edge_runtime.camera.control import stop_on_signals
with stop_on_signals() as stop:
    print("ready", flush=True)
    while not stop.requested:
        time.sleep(0.01)
    print("requested", flush=True)
    time.sleep({then_s})
"""


def waiting(then_s: float) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", WAITS.format(then_s=then_s)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_a_request(number):
    with stop_on_signals() as stop:
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested


def test_afterwards_signals_do_what_they_did_before():
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_on_signals():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_terminal_that_closes_is_ignored_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_lets_the_program_end_by_itself(number):
    with waiting(then_s=0) as child:
        child.send_signal(number)
        assert child.wait(timeout=60) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_ends_it_at_once(number, code):
    with waiting(then_s=600) as child:
        child.send_signal(signal.SIGTERM)
        assert child.stdout
        assert child.stdout.readline() == "requested\n"
        child.send_signal(number)
        assert child.wait(timeout=60) == code


def test_a_frozen_picture_withdraws_the_announced_label_everywhere_and_is_not_classified():
    """Row 12: the events, JSON, the page and every other sink see the same answer."""
    given = [Frame(picture(), second, float(second)) for second in range(1, 13)]
    given[10] = replace(given[10], is_frozen=True)
    classifier, sink, events = fake_classifier(CAT), FakeSink(), []
    loop = Loop(classifier, [sink], decider=SteadyDecider(classifier), on_event=events.append)
    with closing(loop.answers(FakeSource(given, live=True))) as answers:
        yielded = list(answers)
    assert yielded == sink.answers
    assert [answer.announced for answer in sink.answers] == [None] + ["cat"] * 9 + [None] * 2
    assert [(event.kind, event.facts["label"], event.facts["before"]) for event in events] == [
        ("label_changed", "cat", None),
        ("label_changed", None, "cat"),
    ]
    frozen = sink.answers[10]
    assert (frozen.frame.sequence, frozen.prediction.label, frozen.decision.changed) == (11, None, True)
    line = json.loads(json_line(frozen))
    assert (line["frozen"], line["label"], line["announced"]) == (True, None, None)
    assert "frozen" not in json.loads(json_line(sink.answers[9]))
    assert len(classifier.engine.images) == 11


def test_a_camera_that_is_silent_withdraws_its_label_once_until_there_are_frames_again():
    before, after = ([Frame(picture(), n, float(n)) for n in numbers] for numbers in (range(1, 11), (20, 21)))
    given = [*before, None, "silence", "silence", *after, "silence"]
    classifier, sink, events = fake_classifier(CAT), FakeSink(), []
    loop = Loop(classifier, [sink], decider=SteadyDecider(classifier), on_event=events.append)
    report = loop.run(FakeSource(["silence", *given], live=True))
    assert [answer.announced for answer in sink.answers] == [None] + ["cat"] * 9 + [None, None, "cat", None]
    assert [event.facts["label"] for event in events] == ["cat", None, "cat", None]
    assert sink.answers[10].frame.is_frozen
    assert sink.answers[10].frame.sequence == 10
    assert report.frames == 12


def test_while_it_is_paused_nothing_is_classified_and_outputs_go_on():
    stop, events = StopRequest(), []
    control = Control(stop, events.append)

    class Pausing(FakeSink):
        def write(self, answer: Answer) -> None:
            super().write(answer)
            if len(self.answers) == 10:
                control.pause("a test")

        def idle(self) -> None:
            super().idle()
            if control.is_paused and self.idled > 2:
                control.resume("a test")

    classifier, sink = fake_classifier(CAT), Pausing()
    source = FakeSource([Frame(picture(), number, float(number)) for number in range(1, 13)], live=True)
    loop = Loop(
        classifier, [sink], decider=SteadyDecider(classifier), on_event=events.append, control=control
    )
    assert loop.run(source).frames == 12
    assert [answer.announced for answer in sink.answers[9:11]] == ["cat", None]
    assert sink.answers[10].frame.is_frozen
    assert [event.kind for event in events][1:4] == ["paused", "label_changed", "resumed"]
    assert not stop.requested


@pytest.mark.parametrize("fault", ["damaged", "not a number"])
def test_frames_that_get_no_answer_withdraw_the_label_of_the_last_one_that_did(fault):
    """Not at the first of them, and not before the time is up."""
    given = [Frame(picture(), number, float(number)) for number in range(1, 14)]
    if fault == "damaged":
        given[3:12] = [replace(frame, picture=b"\xff\xd8 cut") for frame in given[3:12]]
    said = [CAT] * 3 + ([NAN] * 9 if fault == "not a number" else []) + [CAT]
    classifier, sink = fake_classifier(*said), FakeSink()
    Loop(classifier, [sink], decider=SteadyDecider(classifier)).run(FakeSource(given, live=True))
    assert [answer.announced for answer in sink.answers] == [None, "cat", "cat", None, None]
    assert [answer.frame.captured_at_s for answer in sink.answers] == [1, 2, 3, 8, 13]
    assert (sink.answers[3].frame.pixels == picture()).all()


def test_a_picture_that_is_frozen_before_the_first_answer_needs_none():
    frozen = replace(frames(1)[0], is_frozen=True)
    sink = FakeSink()
    report = Loop(fake_classifier(CAT), [sink]).run(FakeSource([frozen], live=True))
    assert (report.frames, sink.answers) == (0, [])
