from datetime import UTC, datetime

from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.event_backlog import Dated, EventBacklog

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def dated(number: int) -> Dated:
    return Dated(Event("stalled", str(number), at_s=float(number)), AT)


def emptied(backlog: EventBacklog) -> list[str]:
    texts = []
    while first := backlog.first():
        texts.append(first.event.text)
        backlog.remove_first()
    return texts


def filled(count: int, keep: int) -> EventBacklog:
    backlog = EventBacklog(keep)
    for number in range(count):
        backlog.add(dated(number))
    return backlog


def test_events_wait_in_their_order():
    assert emptied(filled(3, keep=3)) == ["0", "1", "2"]


def test_the_oldest_go_and_are_told_before_the_rest():
    backlog = filled(5, keep=3)
    told = backlog.first().event
    assert (told.kind, dict(told.facts), told.at_s) == ("events_dropped", {"dropped": 2}, 2.0)
    assert emptied(backlog) == ["2 older events were lost: the log could not be written", "2", "3", "4"]


def test_losses_that_were_told_are_not_told_again():
    backlog = filled(4, keep=3)
    backlog.remove_first()
    backlog.add(dated(4))
    assert emptied(backlog) == ["1 older event was lost: the log could not be written", "2", "3", "4"]


def test_the_reason_for_the_wait_stands_before_all_and_is_never_dropped():
    backlog = filled(1, keep=2)
    backlog.add_notice(Dated(Event("disk_full", "full"), AT))
    for number in range(1, 5):
        backlog.add(dated(number))
    assert emptied(backlog) == ["full", "3 older events were lost: the log could not be written", "3", "4"]
