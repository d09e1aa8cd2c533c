"""Event limit: the first at once, the rest at a steady rate, and none uncounted."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from edgecls.edge_runtime.camera.event import Event, EventKind
from edgecls.edge_runtime.camera.event_limit import (
    BYTES_AT_ONCE,
    BYTES_PER_S,
    FAULTS,
    LABELS,
    OUTPUT,
    EventLimit,
)
from edgecls.edge_runtime.camera.event_lines import event_line
from tests.fakes import Clock

HOUR_S = 3600


class Limited:
    """A limit with what comes through it, on a clock of its own."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.events: list[Event] = []
        self.limit = EventLimit(self.events.append, self.clock)

    def happens(self, kind: EventKind, number: int = 0) -> None:
        self.limit.event(Event(kind, f"number {number}", facts={"number": number}))

    def numbers(self) -> list[int]:
        return [event.facts["number"] for event in self.events]

    def told(self) -> int:
        """Of all events: those that came, and those that were counted."""
        return len(self.events) + sum(event.facts.get("left_out", 0) for event in self.events)


@pytest.fixture
def limited() -> Limited:
    return Limited()


def test_the_first_events_come_at_once_and_unchanged(limited: Limited):
    for number in range(FAULTS.at_once):
        limited.happens("corrupt", number)
    assert limited.numbers() == list(range(FAULTS.at_once))
    assert all("left_out" not in event.facts for event in limited.events)


@pytest.mark.parametrize(
    ("kind", "allowance"), [("corrupt", FAULTS), ("label_changed", LABELS), ("action_output", OUTPUT)]
)
def test_an_hour_of_events_is_limited_and_counted(limited: Limited, kind: EventKind, allowance):
    """Row 51."""
    happened = HOUR_S * 10
    for number in range(happened):
        limited.happens(kind, number)
        limited.clock.now_s += 0.1
    limited.limit.close()
    assert len(limited.events) <= allowance.at_once + HOUR_S / allowance.every_s + 1
    assert limited.told() == happened
    assert limited.events[-1].text.startswith(f"number {happened - 1} (after ")
    assert "left_out" not in limited.events[allowance.at_once - 1].facts


def test_the_last_state_is_told_when_its_kind_is_allowed_again(limited: Limited):
    for number in range(FAULTS.at_once + 5):
        limited.happens("frozen", number)
    limited.limit.idle()
    assert limited.numbers()[-1] == FAULTS.at_once - 1
    limited.clock.now_s += FAULTS.every_s
    limited.limit.idle()
    assert (limited.numbers()[-1], limited.events[-1].facts["left_out"]) == (FAULTS.at_once + 4, 4)
    before = len(limited.events)
    limited.clock.now_s += HOUR_S
    limited.limit.idle()
    limited.limit.close()
    assert len(limited.events) == before


def test_a_kind_does_not_use_up_what_others_are_allowed(limited: Limited):
    for number in range(100):
        limited.happens("corrupt", number)
    limited.happens("stalled")
    assert limited.events[-1].kind == "stalled"


def test_after_a_quiet_time_several_come_at_once_again(limited: Limited):
    for _ in range(2):
        for number in range(FAULTS.at_once):
            limited.happens("corrupt", number)
        limited.clock.now_s += FAULTS.at_once * FAULTS.every_s
    assert limited.numbers() == [*range(FAULTS.at_once)] * 2


def test_start_and_stop_are_never_left_out(limited: Limited):
    for number in range(100):
        limited.happens("started", number)
        limited.happens("stopped", number)
    assert len(limited.events) == 200


def flood(limited: Limited, seconds: int) -> int:
    """Every kind of event twice a second; returns how many happened."""
    kinds = [kind for kind in get_args(EventKind) if kind not in ("started", "stopped")]
    for second in range(2 * seconds):
        for kind in kinds:
            limited.happens(kind, second)
        limited.clock.now_s += 0.5
    return len(kinds) * 2 * seconds


def test_of_all_kinds_together_so_many_bytes_are_written_and_the_rest_is_counted(limited: Limited):
    happened = flood(limited, HOUR_S)
    written = sum(len(event_line(event, datetime.now(UTC), 1)) for event in limited.events)
    assert written <= 1.1 * (BYTES_AT_ONCE + HOUR_S * BYTES_PER_S)
    limited.limit.close()
    assert limited.told() == happened


def test_a_flood_of_some_kinds_silences_none_for_long(limited: Limited):
    """Each gets its turn, and its last state is told."""
    flood(limited, HOUR_S)
    last_minutes = [
        event for event in limited.events if limited.clock.now_s - event.facts["number"] / 2 < 400
    ]
    assert {event.kind for event in last_minutes} == set(get_args(EventKind)) - {"started", "stopped"}


def test_a_huge_event_comes_once_and_is_paid_for_by_the_later_ones(limited: Limited):
    for number in range(5):
        limited.limit.event(Event("corrupt", "x " * BYTES_AT_ONCE, facts={"number": number}))
    limited.happens("stalled", 9)
    assert limited.numbers() == [0]
    limited.clock.now_s += BYTES_AT_ONCE / BYTES_PER_S + 10
    limited.limit.idle()
    assert 9 in limited.numbers()
