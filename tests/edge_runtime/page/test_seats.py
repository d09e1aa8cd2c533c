"""How many may watch."""

from edgecls.edge_runtime.page.seats import Seats


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def ask(seats: Seats, viewer: str) -> bool:
    """A whole request."""
    given = seats.take(viewer)
    if given:
        seats.leave(viewer)
    return given


def test_four_are_served_and_the_fifth_waits():
    seats = Seats()
    assert [ask(seats, viewer) for viewer in "abcde"] == [True] * 4 + [False]
    assert [ask(seats, viewer) for viewer in "abcde"] == [True] * 4 + [False]


def test_who_left_makes_room_after_a_while():
    clock = Clock()
    seats = Seats(count=2, kept_s=15, clock=clock)
    assert ask(seats, "stays")
    assert ask(seats, "leaves")
    clock.now_s += 14
    assert ask(seats, "stays")
    assert not ask(seats, "new")
    clock.now_s += 1
    assert ask(seats, "new")
    assert not ask(seats, "leaves")


def test_nobody_loses_a_place_that_no_one_wants():
    clock = Clock()
    seats = Seats(count=2, kept_s=15, clock=clock)
    ask(seats, "a")
    clock.now_s += 1000
    assert ask(seats, "a")


def test_who_says_goodbye_makes_room_at_once():
    seats = Seats(count=1)
    assert seats.take("a")
    seats.give_up("a")
    assert seats.take("b")
    seats.leave("a")  # its request ends after it said so
    seats.leave("b")
    assert not seats.take("a")


def test_a_request_under_way_keeps_its_place_and_is_the_only_one():
    clock = Clock()
    seats = Seats(count=1, kept_s=15, clock=clock)
    assert seats.take("a")
    assert not seats.take("a")
    clock.now_s += 1000
    assert not seats.take("b")
    seats.leave("a")
    assert seats.take("a")
