from pathlib import Path

import pytest
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.event_log import EventLog
from edgecls.edge_runtime.camera.event_reader import read_events
from edgecls.edge_runtime.camera.logged_run import run_logged
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.errors import OutputFailed, Unavailable

from ...fakes import FakeSink, FakeSource, fake_classifier, frames

CAT, NAN = (0.9, 0.06, 0.04), (float("nan"), 0.5, 0.5)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "events.jsonl")


def run(log: EventLog, source: FakeSource, *answers, **options):
    loop = Loop(fake_classifier(*answers or (CAT,)), on_event=log.event, **options)
    return run_logged(loop, source, log, "1.2.3")


def test_the_first_event_says_what_runs_and_the_last_what_it_did(log: EventLog, tmp_path: Path):
    run(log, FakeSource(frames(3), live=True), NAN, CAT)
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
    report = run(log, FakeSource([*frames(1), Unavailable("no frame in 5 s")]))
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
        run(log, Absent([]))
    assert [event.text for event in read_events(tmp_path / "events.jsonl").events][1:] == [said]


def test_events_that_no_disk_took_are_the_failure_of_a_run_without_another(tmp_path: Path):
    class Lost(EventLog):
        def close(self) -> None:
            raise OutputFailed("no space")

    log = Lost(tmp_path / "events.jsonl")
    assert str(run(log, FakeSource(frames(1))).failure) == "no space"
    failed = FakeSource([Unavailable("gone")])
    assert str(run(log, failed).failure) == "gone"


def test_an_event_after_the_sinks_were_closed_is_written_too(log: EventLog, tmp_path: Path):
    run(log, FakeSource(frames(1)), sinks=[log, FakeSink()])
    log.event(Event("ended", "late"))
    assert [event.kind for event in read_events(tmp_path / "events.jsonl").events] == [
        "started",
        "stopped",
        "ended",
    ]
