"""Event log: what is written, on a disk that is full, read-only or goes away."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.event_lines import read_events, rotated
from edgecls.edge_runtime.camera.event_log import MAX_WAITING, EventBacklog, EventLog, WaitingEvent
from edgecls.edge_runtime.errors import BadConfiguration, OutputFailed, PermissionRefused, UsageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def note(log: EventLog, numbers: Iterable[int]) -> None:
    for number in numbers:
        log.event(Event("label_changed", f"event {number}"))


def texts(path: Path) -> list[str]:
    return [event.text for event in read_events(path).events]


def sequences(path: Path) -> list[int]:
    return [event.sequence for event in read_events(path).events]


def size_bytes(path: Path) -> int:
    return sum(part.stat().st_size for part in (path, rotated(path)) if part.exists())


# One line an event


def test_an_event_is_in_the_file_when_event_returns(path: Path):
    log = EventLog(path)
    log.event(Event("label_changed", "cat 93.1% (was dog)", facts={"label": "cat", "before": "dog"}))
    (line,) = path.read_text().splitlines()
    values = json.loads(line)
    assert (values["sequence"], values["kind"], values["before"]) == (1, "label_changed", "dog")


def test_a_folder_that_is_not_there_is_made(path: Path):
    note(EventLog(path.parent / "logs" / "today" / "events.jsonl"), [1])
    assert texts(path.parent / "logs" / "today" / "events.jsonl") == ["event 1"]


def test_numbering_goes_on_where_the_file_ends(path: Path):
    for _ in range(3):
        log = EventLog(path)
        note(log, [1, 2])
        log.close()
    assert sequences(path) == [1, 2, 3, 4, 5, 6]


def test_a_kill_at_any_moment_leaves_no_half_of_a_line(path: Path):
    """Row 9: a process that does nothing but write and rotate, until it is killed."""
    script = f"""
from pathlib import Path
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.event_log import EventLog
log = EventLog(Path({str(path)!r}), max_bytes=100_000)
for number in range(10**9):
    log.event(Event("ended", "x"))
    if number % 50 == 49:
        print(flush=True)
"""
    for round_ in range(5):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as writer:
            for _ in range(10 * (round_ + 1)):
                assert writer.stdout
                writer.stdout.readline()
            writer.kill()
        assert read_events(path).skipped == ()
        numbers = sequences(path)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_wall_clock_may_jump_and_both_times_are_written(path: Path):
    """Row 20."""
    wall = [datetime(2026, 3, 29, 1, 59, tzinfo=UTC)]
    log = EventLog(path, wall_clock=lambda: wall[0])
    for jump_h in (0, 1, -2, 1):
        wall[0] += timedelta(hours=jump_h)
        note(log, [1])
    events = read_events(path).events
    assert [event.at.hour for event in events] == [1, 2, 0, 1]
    assert all(0 <= after.monotonic_s - before.monotonic_s < 5 for before, after in pairwise(events))


# What happens to the file


@pytest.mark.parametrize("end", [b'{"sequence":3,"at":"20', b"\0" * 100, b'{"sequence":3}'])
def test_after_a_power_cut_in_a_line_a_new_one_begins(path: Path, end: bytes):
    """Row 24."""
    note(EventLog(path), [1, 2])
    with path.open("ab") as file:
        file.write(end)
    note(EventLog(path), [3])
    history = read_events(path)
    assert [event.text for event in history.events] == ["event 1", "event 2", "event 3"]
    assert [event.sequence for event in history.events] == [1, 2, 3]
    assert len(history.skipped) == 1


def removed(path: Path) -> None:
    path.unlink()


def moved_by_logrotate(path: Path) -> None:
    path.rename(rotated(path))


def copied_and_cut_by_logrotate(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("change", [removed, moved_by_logrotate, copied_and_cut_by_logrotate])
def test_a_file_that_others_removed_or_rotated_is_written_anew(path: Path, change: Callable):
    """Row 25."""
    log = EventLog(path)
    note(log, [1, 2])
    change(path)
    note(log, [3, 4])
    log.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["sequence"] for line in lines] == [3, 4]


def test_the_log_stays_under_its_size_and_its_numbers_have_no_gap(path: Path):
    log = EventLog(path, max_bytes=10_000)
    for number in range(500):
        note(log, [number])
        assert size_bytes(path) <= 10_000
    numbers = sequences(path)
    assert numbers == list(range(numbers[0], 501))
    assert size_bytes(path) > 5_000
    log.close()
    note(EventLog(path, max_bytes=10_000), [500])
    assert sequences(path)[-1] == 501


def test_a_log_is_rotated_at_half_of_ten_megabytes(path: Path):
    with path.open("wb") as file:
        file.truncate(5_000_000 - 300)  # no line has so many bytes
    with closing(EventLog(path)) as log:
        log.event(Event("opened", "x"))
        assert not rotated(path).exists()
        log.event(Event("opened", "x" * 300))
        assert rotated(path).exists()


def test_an_event_larger_than_the_log_is_written_all_the_same(path: Path):
    log = EventLog(path, max_bytes=100)
    note(log, [1])
    log.event(Event("ended", "x" * 1000))
    note(log, [2])
    assert texts(path) == ["x" * 1000, "event 2"]


# The disk


def fill(disk: Path) -> Path:
    """Leaves not a byte of it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4096, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return filler


def test_what_a_full_disk_refuses_is_written_in_order_when_there_is_room(small_disk: Path):
    """Row 21."""
    path, events = small_disk / "events.jsonl", []
    log = EventLog(path, on_event=events.append, retry_s=0.0)
    note(log, range(3))
    filler = fill(small_disk)
    note(log, range(3, 200))
    assert [event.kind for event in events] == ["disk_full"]
    assert "the disk is full; events wait in memory" in events[0].text
    assert read_events(path).skipped == ()  # no half of a line was left behind
    filler.unlink()
    log.idle()
    written = read_events(path).events
    assert [event.sequence for event in written] == list(range(1, 202))
    assert [event.text for event in written if event.kind != "disk_full"] == [
        f"event {n}" for n in range(200)
    ]
    assert all(before.monotonic_s <= after.monotonic_s for before, after in pairwise(written))
    assert read_events(path).skipped == ()


def test_the_newest_thousand_wait_and_the_rest_is_counted(small_disk: Path):
    """Row 21."""
    path = small_disk / "events.jsonl"
    log = EventLog(path, retry_s=0.0)
    filler = fill(small_disk)
    note(log, range(MAX_WAITING + 234))
    filler.unlink()
    log.idle()
    first, second, *rest = read_events(path).events
    assert (first.kind, second.kind, second.facts) == ("disk_full", "events_dropped", {"dropped": 234})
    assert [event.text for event in rest] == [f"event {number}" for number in range(234, MAX_WAITING + 234)]
    assert sequences(path) == list(range(1, MAX_WAITING + 3))


def test_a_second_full_disk_is_told_again(small_disk: Path):
    events: list[Event] = []
    log = EventLog(small_disk / "events.jsonl", on_event=events.append, retry_s=0.0)
    for _ in range(2):
        filler = fill(small_disk)
        note(log, range(200))
        filler.unlink()
        log.idle()
    assert [event.kind for event in events] == ["disk_full", "disk_full"]


def test_while_the_disk_is_full_it_is_not_tried_at_every_frame(small_disk: Path):
    path = small_disk / "events.jsonl"
    log = EventLog(path, retry_s=3600.0)
    filler = fill(small_disk)
    note(log, range(200))
    filler.unlink()
    before = sequences(path)
    log.idle()
    note(log, [200])
    assert sequences(path) == before
    log.close()  # the last chance
    assert texts(path)[-1] == "event 200"


def test_at_the_end_a_full_disk_is_an_error(small_disk: Path):
    log = EventLog(small_disk / "events.jsonl")
    fill(small_disk)
    note(log, range(200))
    with pytest.raises(OutputFailed, match="no space left on device"):
        log.close()


def test_a_disk_that_is_full_from_the_start_may_have_room_later(small_disk: Path):
    filler = fill(small_disk)
    log = EventLog(small_disk / "events.jsonl", retry_s=0.0)
    note(log, [1])
    filler.unlink()
    log.idle()
    assert texts(small_disk / "events.jsonl")[-1] == "event 1"


def test_a_folder_that_went_away_does_not_end_the_loop(tmp_path: Path):
    folder, events = tmp_path / "stick", []
    log = EventLog(folder / "events.jsonl", on_event=events.append, retry_s=0.0)
    (folder / "events.jsonl").unlink()
    folder.rmdir()
    note(log, [1, 2])
    assert [event.kind for event in events] == ["log_failed"]
    assert "no such file or directory; events wait in memory" in events[0].text
    folder.mkdir()
    log.idle()
    assert texts(folder / "events.jsonl")[1:] == ["event 1", "event 2"]


def test_a_read_only_folder_is_refused_at_once(path: Path, read_only):
    """Row 26."""
    with pytest.raises(PermissionRefused, match="read-only file system"):
        EventLog(read_only(path.parent) / "events.jsonl")


def test_what_is_no_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for wrong in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UsageError, match=r"not a file; name a file for the events"):
            EventLog(wrong)


AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def waiting(number: int) -> WaitingEvent:
    return WaitingEvent(Event("stalled", str(number), at_s=float(number)), AT)


def emptied(backlog: EventBacklog) -> list[str]:
    texts = []
    while first := backlog.first():
        texts.append(first.event.text)
        backlog.remove_first()
    return texts


def filled(count: int, max_waiting: int) -> EventBacklog:
    backlog = EventBacklog(max_waiting)
    for number in range(count):
        backlog.add(waiting(number))
    return backlog


def test_events_wait_in_their_order():
    assert emptied(filled(3, max_waiting=3)) == ["0", "1", "2"]


def test_the_oldest_go_and_are_told_before_the_rest():
    backlog = filled(5, max_waiting=3)
    event = backlog.first().event
    assert (event.kind, dict(event.facts), event.at_s) == ("events_dropped", {"dropped": 2}, 2.0)
    assert emptied(backlog) == ["2 older events were lost: the log could not be written", "2", "3", "4"]


def test_losses_that_were_told_are_not_told_again():
    backlog = filled(4, max_waiting=3)
    backlog.remove_first()
    backlog.add(waiting(4))
    assert emptied(backlog) == ["1 older event was lost: the log could not be written", "2", "3", "4"]


def test_the_reason_for_the_wait_stands_before_all_and_is_never_dropped():
    backlog = filled(1, max_waiting=2)
    backlog.add_notice(WaitingEvent(Event("disk_full", "full"), AT))
    for number in range(1, 5):
        backlog.add(waiting(number))
    assert emptied(backlog) == ["full", "3 older events were lost: the log could not be written", "3", "4"]


# Two writers, and a disk that is not there yet


def test_a_log_has_one_writer_at_a_time(path: Path):
    """Row 56: they would number their lines twice."""
    log = EventLog(path)
    with pytest.raises(BadConfiguration, match="another edgecls writes its events there; name another file"):
        EventLog(path)
    note(log, [1])
    log.close()
    note(EventLog(path), [2])
    assert sequences(path) == [1, 2]


def test_the_writer_keeps_its_log_when_it_is_rotated(path: Path):
    log = EventLog(path, max_bytes=1000)
    note(log, range(20))
    assert rotated(path).exists()
    with pytest.raises(BadConfiguration):
        EventLog(path)
    moved_by_logrotate(path)
    note(log, [20])
    with pytest.raises(BadConfiguration):
        EventLog(path)
    log.close()


def test_a_log_that_another_took_while_it_was_away_waits_for_it(path: Path):
    events: list[Event] = []
    log = EventLog(path, on_event=events.append, retry_s=0.0)
    removed(path)
    other = EventLog(path)
    note(log, [1])
    assert [event.kind for event in events] == ["log_failed"]
    note(other, [2])
    other.close()
    log.idle()
    assert texts(path)[-1] == "event 1"


def test_a_read_only_disk_is_waited_for_where_nobody_watches(tmp_path: Path, read_only):
    """Row 46."""
    events: list[Event] = []
    place = read_only(tmp_path) / "events.jsonl"
    log = EventLog(place, on_event=events.append, waits=True)
    note(log, [1])
    log.close()
    log.event(Event("stopped", "at the end"))
    log.close()
    assert [event.kind for event in events] == ["log_failed", "events_dropped"]
    assert events[-1].facts["dropped"] == 2


def test_numbering_goes_on_in_a_log_that_could_not_be_read_at_the_start(small_disk: Path):
    note(EventLog(small_disk / "events.jsonl"), [1, 2])
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    log = EventLog(small_disk / "events.jsonl", retry_s=0.0, waits=True)
    note(log, [3])
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    log.idle()
    log.close()
    assert sequences(small_disk / "events.jsonl") == [1, 2, 3, 4]


def test_a_folder_that_a_read_only_disk_lacks_is_made_later(small_disk: Path):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    log = EventLog(small_disk / "door" / "log" / "events.jsonl", retry_s=0.0, waits=True)
    note(log, [1])
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    log.idle()
    log.close()
    assert sequences(small_disk / "door" / "log" / "events.jsonl") == [1, 2]


def test_a_stick_in_place_of_another_gets_a_folder_for_the_log(tmp_path: Path):
    stick = tmp_path / "stick"
    log = EventLog(stick / "door" / "events.jsonl", retry_s=0.0)
    note(log, [1])
    stick.rename(tmp_path / "pocket")
    note(log, [2])
    stick.mkdir()
    log.idle()
    log.close()
    assert texts(stick / "door" / "events.jsonl")[-1] == "event 2"
