"""Courier: the loop never waits; what fails is tried again, what is too much is dropped and counted."""

import itertools
import threading
import time

import pytest

from edgecls.edge_runtime.camera.answer import Deliveries
from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.outputs.courier import Courier, CourierSettings, close_all
from edgecls.edge_runtime.camera.outputs.destination import END_S, GRACE_S, Carrying, Farewell, Refused
from edgecls.edge_runtime.errors import Unavailable
from tests.fakes import Clock
from tests.waiting import wait_until

AWAY = Unavailable("hook: connection refused; start it")


class Door:
    """A destination that takes what comes, or raises `error`."""

    name = "hook"

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[object] = []
        self.tried = 0

    def deliver(self, item: object, attempt: Carrying) -> None:  # noqa: ARG002
        self.tried += 1
        if self.error:
            raise self.error
        self.taken.append(item)


class Stuck:
    """A destination that hangs until it is interrupted."""

    name = "hook"

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.taken: list[object] = []

    def deliver(self, item: object, attempt: Carrying) -> None:
        self.entered.set()
        attempt.wait(60)
        if attempt.is_interrupted:
            raise Unavailable("hook: no answer; see there")
        self.taken.append(item)


def stepped(destination, clock: Clock, events: list[Event], **settings) -> Courier:
    """A courier without a thread, by a clock of the test's own."""
    farewell = Farewell(StopRequest(), hurries=True, clock=clock)
    return Courier(
        destination, farewell, events.append, CourierSettings(**settings), clock=clock, has_thread=False
    )


def walk(courier: Courier, clock: Clock, seconds: float) -> None:
    """Lets time pass as the courier's thread and the loop would."""
    until_s = clock.now_s + seconds
    while clock.now_s < until_s:
        while courier.step() == 0:
            pass
        courier.tend()
        clock.now_s += 0.125  # exact in binary


def test_events_arrive_in_order_and_of_a_state_only_the_newest():
    door, clock, events = Door(), Clock(), []
    courier = stepped(door, clock, events)
    for number in range(3):
        courier.offer(number)
        courier.replace("state", f"value {number}")
    walk(courier, clock, 1)
    assert door.taken == ["value 2", 0, 1, 2]
    assert courier.deliveries == Deliveries("hook", done=4)
    assert not events


@pytest.mark.parametrize(
    "error", [AWAY, OSError(111, "Connection refused"), ValueError("a bug")], ids=lambda e: type(e).__name__
)
def test_a_failure_is_one_event_until_it_works_again_with_growing_pauses(error):
    door, clock, events = Door(error), Clock(), []
    courier = stepped(door, clock, events)
    courier.offer("a")
    courier.offer("b")
    tried_at_s: list[float] = []
    for _ in range(2000):
        before = door.tried
        walk(courier, clock, 0.125)
        if door.tried > before:
            tried_at_s.append(clock.now_s)
    pauses_s = [after - one for one, after in itertools.pairwise(tried_at_s)]
    assert pauses_s[:7] == [1, 2, 4, 8, 16, 30, 30]
    assert [event.kind for event in events] == ["output_failed"]
    assert events[0].text.startswith("hook: ")
    assert events[0].text.endswith("; trying again in 1 s")
    door.error = None
    walk(courier, clock, 31)
    assert door.taken == ["a", "b"]
    assert [event.kind for event in events] == ["output_failed", "output_works"]
    assert courier.deliveries == Deliveries("hook", done=2)


def test_a_state_that_was_not_delivered_is_tried_again_unless_there_is_a_newer_one():
    door, clock, events = Door(AWAY), Clock(), []
    courier = stepped(door, clock, events)
    courier.replace("x", "old")
    walk(courier, clock, 0.25)
    courier.replace("y", "only")
    courier.replace("x", "new")
    walk(courier, clock, 10)
    door.error = None
    walk(courier, clock, 31)
    assert sorted(door.taken) == ["new", "only"]


def test_a_value_that_came_during_an_attempt_takes_the_place_of_the_one_that_failed():
    class Late(Door):
        def deliver(self, item: object, attempt: Carrying) -> None:
            if not self.tried:
                courier.replace("x", "new")
            super().deliver(item, attempt)

    door, clock, events = Late(AWAY), Clock(), []
    courier = stepped(door, clock, events)
    courier.replace("x", "old")
    walk(courier, clock, 0.25)
    door.error = None
    walk(courier, clock, 10)
    assert door.taken == ["new"]


def test_while_it_is_away_the_newest_wait_and_every_other_is_counted_as_dropped():
    door, clock, events = Door(AWAY), Clock(), []
    courier = stepped(door, clock, events, most=10)
    for number in range(1000):
        courier.offer(number)
        walk(courier, clock, 0.25)
    assert [event.kind for event in events].count("output_failed") == 1
    assert 2 <= [event.kind for event in events].count("output_dropped") <= 26  # one in ten seconds
    door.error = None
    walk(courier, clock, 31)
    assert door.taken == list(range(990, 1000))
    assert courier.deliveries == Deliveries("hook", done=10, dropped=990)


def test_what_is_refused_or_too_old_is_given_up_and_counted():
    door, clock, events = Door(Refused("hook: HTTP status 400; see there")), Clock(), []
    courier = stepped(door, clock, events, max_age_s=60)
    courier.offer("a")
    walk(courier, clock, 1)
    assert courier.deliveries == Deliveries("hook", failed=1)
    assert [event.text for event in events] == ["hook: HTTP status 400"]
    door.error = AWAY
    courier.offer("b")
    walk(courier, clock, 100)
    door.error = None
    walk(courier, clock, 100)
    assert door.taken == []
    assert courier.deliveries == Deliveries("hook", failed=2)


def test_a_command_that_fails_delays_no_other():
    door, clock, events = Door(AWAY), Clock(), []
    courier = stepped(door, clock, events, tries_again=False)
    for item in "abc":
        courier.offer(item)
    walk(courier, clock, 0.25)
    assert door.tried == 3
    assert courier.deliveries == Deliveries("hook", failed=3)
    assert [event.text for event in events] == ["hook: connection refused"]


def hurried(destination, events: list[Event], **settings) -> Courier:
    farewell = Farewell(StopRequest(), hurries=True, clock=lambda: 20 * time.monotonic())
    return Courier(destination, farewell, events.append, CourierSettings(**settings))


def test_the_loop_never_waits_for_a_destination_that_hangs():
    stuck, events = Stuck(), []
    courier = hurried(stuck, events, most=50)
    courier.offer("first")
    assert stuck.entered.wait(30)
    before_s = time.thread_time()
    for number in range(10_000):
        courier.offer(number)
        courier.tend()
    assert (time.thread_time() - before_s) / 10_000 < 1e-3  # measured: 3 microseconds
    courier.close()
    assert courier.deliveries == Deliveries("hook", dropped=10_001)


def test_a_newer_one_takes_the_place_of_one_under_way():
    stuck, events = Stuck(), []
    courier = hurried(stuck, events, busy="restart", tries_again=False)
    courier.offer("a")
    assert stuck.entered.wait(30)
    courier.offer("b")
    courier.offer("c")
    wait_until(lambda: courier.deliveries.skipped == 2)
    courier.close()
    assert courier.deliveries == Deliveries("hook", skipped=2, dropped=1)


def test_one_is_left_out_while_another_is_under_way():
    stuck, events = Stuck(), []
    courier = hurried(stuck, events, busy="skip")
    courier.offer("a")
    assert stuck.entered.wait(30)
    courier.offer("b")
    courier.close()
    assert courier.deliveries == Deliveries("hook", skipped=1, dropped=1)


def test_an_attempt_without_end_is_interrupted_by_the_loop():
    stuck, events = Stuck(), []
    courier = hurried(stuck, events, limit_s=0.01)
    courier.offer("a")
    assert stuck.entered.wait(30)
    wait_until(lambda: courier.tend() or [event.kind for event in events] == ["output_failed"])
    courier.close()


def test_couriers_that_hang_share_the_time_of_their_farewell(within):
    events: list[Event] = []
    stuck = [Stuck() for _ in range(20)]
    farewell = Farewell(StopRequest(), hurries=True)
    couriers = [Courier(each, farewell, events.append) for each in stuck]
    for courier, each in zip(couriers, stuck, strict=True):
        courier.offer("a")
        assert each.entered.wait(30)
    with within(3 * GRACE_S):  # each by itself would take 20 times as long as one
        close_all(couriers)
    assert all(courier.deliveries.dropped == 1 for courier in couriers)
    assert not [thread for thread in threading.enumerate() if thread.name == "courier hook"]


def test_the_time_of_a_farewell_passes_once():
    stop, clock = StopRequest(), Clock()
    farewell = Farewell(stop, hurries=False, clock=clock)
    assert farewell.left_s() == float("inf")
    clock.now_s += 1000
    stop.requested = True
    assert farewell.left_s() == GRACE_S
    clock.now_s += GRACE_S / 2
    assert farewell.left_s() == pytest.approx(GRACE_S / 2)
    clock.now_s += 10
    assert farewell.left_s() == 0
    assert 0 < farewell.end_left_s() < END_S


def test_a_run_that_ends_by_itself_delivers_everything_and_gives_up_where_it_fails():
    for error, expected in (
        (None, Deliveries("hook", done=30)),
        (AWAY, Deliveries("hook", failed=1, dropped=29)),
    ):
        door, events = Door(error), []
        farewell = Farewell(StopRequest(), hurries=False)
        courier: Courier[int] = Courier(door, farewell, events.append)
        with courier._changed:  # its thread waits until all are there
            for number in range(30):
                courier.offer(number)
            courier.begin_closing()
        courier.close()
        assert courier.deliveries == expected


def test_after_its_end_nothing_is_taken():
    door, events = Door(), []
    courier = hurried(door, events)
    courier.offer("a")
    wait_until(lambda: door.taken == ["a"])
    courier.close()
    courier.offer("b")
    courier.replace("state", "c")
    courier.close()
    assert door.taken == ["a"]
    assert courier.deliveries == Deliveries("hook", done=1, dropped=1)
