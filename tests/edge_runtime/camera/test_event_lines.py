"""Lines of an event log: written, and read back past what a power cut broke."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.event_lines import (
    event_line,
    last_sequence,
    parse_event_line,
    read_events,
    rotated,
)
from edgecls.edge_runtime.errors import BadData, MissingInput

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def line(text: str = "cat 93.1% (was dog)", **facts: object) -> bytes:
    return event_line(Event("label_changed", text, at_s=12.3456, facts=facts), AT, 7)


def test_a_line_has_number_both_times_kind_text_and_facts():
    assert line(label="cat", before=None) == (
        b'{"sequence":7,"at":"2026-01-02T03:04:05.678+00:00","monotonic_s":12.346,"kind":"label_changed",'
        b'"text":"cat 93.1% (was dog)","label":"cat","before":null}\n'
    )


def test_it_is_read_back():
    event = parse_event_line(line(label="cat"))
    assert event is not None
    assert (event.sequence, event.at, event.monotonic_s) == (
        7,
        AT.replace(microsecond=678000),
        12.346,
    )
    assert (event.kind, event.text, event.facts) == (
        "label_changed",
        "cat 93.1% (was dog)",
        {"label": "cat"},
    )


def test_a_fact_cannot_take_the_place_of_what_every_line_has():
    assert json.loads(line(sequence=99, kind="other"))["sequence"] == 7


@pytest.mark.parametrize("text", ["two\nlines", "größe", os.fsdecode(b"\xff.jpg"), "\x00\x1b[2J"])
def test_any_text_is_one_line_and_comes_back(text: str):
    assert line(text).count(b"\n") == 1
    event = parse_event_line(line(text))
    assert event is not None
    assert event.text == text


def test_a_fact_that_json_does_not_know_is_written_as_text():
    assert json.loads(line(path=Path("a.mp4")))["path"] == "a.mp4"


@pytest.mark.parametrize(
    "broken",
    [b"", b"\x00" * 64, b"[1]", b"7", b"null", b'{"sequence":1}', b"\xff\xfe", b"[" * 100_000, line()[:-9]],
)
def test_what_is_no_event_is_none(broken: bytes):
    assert parse_event_line(broken) is None


def test_no_part_of_a_line_is_an_event():
    whole = line(label="cat")
    assert not any(parse_event_line(whole[:cut]) for cut in range(len(whole) - 1))


def lines(*numbers: int) -> bytes:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return b"".join(event_line(Event("ended", "x"), at, number) for number in numbers)


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
