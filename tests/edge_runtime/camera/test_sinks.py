"""Sinks that fail: an unattended loop goes on, and tries them again; a one-shot run ends."""

import itertools

import pytest

from edgecls.edge_runtime.camera.answer import Answer
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.camera.sinks import DROPS_S, Sinks
from edgecls.edge_runtime.errors import EdgeclsError, OutputFailed, PermissionRefused
from tests.fakes import Clock, FakeSink, FakeSource, answer, fake_classifier, frames, picture

CAT = (0.9, 0.06, 0.04)


class Disk(FakeSink):
    """A sink that cannot be written to while there is an `error`."""

    name = "the disk"

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self.error = error
        self.tried = 0

    def write(self, answer: Answer) -> None:
        self.tried += 1
        if self.error:
            raise self.error
        super().write(answer)


@pytest.fixture
def given() -> Answer:
    return answer(Frame(picture(), 1, 0.0), fake_classifier(CAT).classify(picture()))


FAILURES = [
    OutputFailed("cannot write x: no space left on device; free some space"),
    PermissionRefused("cannot write x: read-only file system; choose another folder"),
    OSError(5, "input/output error"),
]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_unattended_a_sink_that_fails_is_one_event_and_tried_again_after_growing_pauses(given, error):
    disk, other, clock, events = Disk(error), FakeSink(), Clock(), []
    sinks = Sinks([disk, other], goes_on=True, on_event=events.append, clock=clock)
    tried_at_s: list[float] = []
    for _ in range(2000):
        before = disk.tried
        sinks.write(given)
        if disk.tried > before:
            tried_at_s.append(clock.now_s - 100)
        clock.now_s += 0.125  # exact in binary
    pauses_s = [after - one for one, after in itertools.pairwise(tried_at_s)]
    assert pauses_s[:7] == [1, 2, 4, 8, 16, 30, 30]
    assert [event.kind for event in events] == ["output_failed"]
    assert events[0].text.endswith("; trying again in 1 s")
    assert (len(other.answers), sinks.lost_answers) == (2000, 2000)

    disk.error = None
    clock.now_s += 30
    sinks.write(given)
    assert [event.kind for event in events] == ["output_failed", "output_works"]
    assert events[1].text == "the disk works again"
    assert len(disk.answers) == 1


def test_unattended_the_loop_goes_on_and_the_report_counts_what_was_lost():
    source, events = FakeSource(frames(3), live=True), list[Event]()
    sink = FakeSink()
    report = Loop(fake_classifier(CAT), [Disk(FAILURES[0]), sink], on_event=events.append).run(source)
    assert report.failure is None
    assert (report.frames, len(sink.answers), report.lost_answers) == (3, 3, 3)
    assert "3 lost by an output that failed" in report.text


def test_what_fails_between_answers_is_tried_again_too(given):
    class Broken(FakeSink):
        def idle(self) -> None:
            super().idle()
            raise OutputFailed("gone; look")

    broken, clock, events = Broken(), Clock(), []
    sinks = Sinks([broken], goes_on=True, on_event=events.append, clock=clock)
    for _ in range(20):
        sinks.idle()
        clock.now_s += 0.1
    assert broken.idled == 2
    assert [event.text for event in events] == ["gone; trying again in 1 s"]


def test_an_error_of_the_system_at_the_end_is_an_error_of_ours():
    class Pulled(FakeSink):
        name = "the stick"

        def close(self) -> None:
            raise OSError(5, "Input/output error")

    failures: list[EdgeclsError] = []
    with Sinks([Pulled()], goes_on=True, on_event=lambda _: None).closing(failures):
        pass
    assert [str(failure) for failure in failures] == ["the stick: input/output error; check the disk"]


def test_dropped_lines_are_one_event_until_there_are_none_for_a_while(given):
    class Unread(FakeSink):
        name = "stdout"

    unread, clock, events = Unread(), Clock(), []
    sinks = Sinks([unread], goes_on=True, on_event=events.append, clock=clock)
    for dropped in (0, 1, 2, 3):
        unread.dropped = dropped
        sinks.write(given)
    assert [(event.kind, event.text) for event in events] == [
        ("lines_dropped", "stdout is not read fast enough; dropping lines")
    ]
    clock.now_s += DROPS_S
    sinks.write(given)
    unread.dropped = 4
    sinks.write(given)
    assert len(events) == 2
    assert sinks.dropped_lines == 4
