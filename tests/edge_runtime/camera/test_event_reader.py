from datetime import UTC, datetime
from pathlib import Path

import pytest
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.event_backlog import Dated
from edgecls.edge_runtime.camera.event_line import event_line
from edgecls.edge_runtime.camera.event_reader import last_sequence, read_events, rotated
from edgecls.edge_runtime.errors import BadData, MissingInput


def lines(*numbers: int) -> bytes:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return b"".join(event_line(Dated(Event("ended", "x"), at), number) for number in numbers)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_what_was_rotated_away_comes_first(log: Path):
    rotated(log).write_bytes(lines(1, 2))
    log.write_bytes(lines(3, 4))
    assert [event.sequence for event in read_events(log).events] == [1, 2, 3, 4]


def test_a_broken_line_is_skipped_and_told(log: Path):
    """Row 24."""
    log.write_bytes(lines(1)[:30] + b"\n" + lines(2) + b"\0\x1b\0")
    history = read_events(str(log))
    assert [event.sequence for event in history.events] == [2]
    assert history.skipped == (
        f'{log}:1: not a whole event, skipped: {{"sequence":1,"at":"2026-01-02',
        rf"{log}:3: not a whole event, skipped: \x00\x1b\x00",
    )


def test_a_log_that_is_not_there_says_how_to_get_one(log: Path):
    with pytest.raises(MissingInput, match=r"`edgecls camera --events .*events.jsonl` writes one"):
        read_events(log)


def test_a_folder_is_no_log(tmp_path: Path):
    with pytest.raises(BadData):
        read_events(tmp_path)


@pytest.mark.parametrize("end", [b"", lines(9)[:40], b"\0" * 200_000, b"somebody else\n" * 10_000])
def test_the_last_number_is_found_before_whatever_stands_behind_it(log: Path, end: bytes):
    log.write_bytes(lines(*range(1, 6)) + end)
    assert last_sequence(log) == 5


def test_the_last_number_may_be_in_the_rotated_half(log: Path):
    rotated(log).write_bytes(lines(1, 2))
    assert last_sequence(log) == 2
    log.write_bytes(b"")
    assert last_sequence(log) == 2


def test_without_a_log_the_last_number_is_zero(log: Path):
    assert last_sequence(log) == 0
