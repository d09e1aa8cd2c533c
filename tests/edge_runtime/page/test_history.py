"""The last minutes of a loop."""

import pytest
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.page.history import EVENTS, History


def history() -> History:
    return History(started_s=0.0, temperature_c=lambda: 48.5)


def test_a_second_of_answers_is_one_point():
    made = history()
    for frame in range(1, 26):
        made.answered(age_ms=float(frame), now_s=frame / 25)
    (point,) = made.points_after(0)
    assert point.fps == pytest.approx(25)
    assert point.age_ms == pytest.approx((13, 23.8, 24.76))
    assert point.temperature_c == 48.5


def test_a_silent_second_is_a_point_too():
    made = history()
    made.tick(0.5)
    made.tick(1.2)
    (point,) = made.points_after(0)
    assert point.fps == 0
    assert point.age_ms == ()


def test_what_is_kept_is_bounded_and_numbered():
    made = history()
    for second in range(1, 1001):
        made.tick(float(second))
        made.happened(Event("stalled", f"the {second}th"))
    points, events = made.points_after(0), made.events_after(0)
    assert [point.number for point in points] == list(range(701, 1001))
    assert [event.number for event in events] == list(range(1001 - EVENTS, 1001))
    assert [point.number for point in made.points_after(998)] == [999, 1000]
    assert [event.event.text for event in made.events_after(999)] == ["the 1000th"]
