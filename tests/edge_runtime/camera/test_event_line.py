import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.event_backlog import Dated
from edgecls.edge_runtime.camera.event_line import event_line, parse_event_line

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def line(text: str = "cat 93.1% (was dog)", **facts: object) -> bytes:
    return event_line(Dated(Event("label_changed", text, at_s=12.3456, facts=facts), AT), 7)


def test_a_line_has_number_both_times_kind_text_and_facts():
    assert line(label="cat", before=None) == (
        b'{"sequence":7,"at":"2026-01-02T03:04:05.678+00:00","monotonic_s":12.346,"kind":"label_changed",'
        b'"text":"cat 93.1% (was dog)","label":"cat","before":null}\n'
    )


def test_it_is_read_back():
    event = parse_event_line(line(label="cat"))
    assert event is not None
    assert (event.sequence, event.at, event.monotonic_s) == (7, AT.replace(microsecond=678000), 12.346)
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
