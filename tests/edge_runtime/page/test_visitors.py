"""What strangers may hold and cost, and who makes room for whom."""

import pytest

from edgecls.edge_runtime.page.visitors import (
    FIRST_DELAY_S,
    FORGIVEN_S,
    KNOWN_IDLE_S,
    LONGEST_DELAY_S,
    MAX_FROM_ONE,
    MAX_STRANGERS,
    STRANGER_S,
    Budget,
    Visitor,
    WrongTokens,
    is_overdue,
    origin_of,
    to_close_for,
)
from tests.fakes import Clock


def test_a_budget_that_is_used_up_comes_back_with_the_time():
    clock = Clock()
    budget = Budget(share=0.1, burst_s=0.02, clock=clock)
    budget.spend(0.02)
    assert budget.pause_s == 0
    budget.spend(0.01)
    assert budget.pause_s == pytest.approx(0.1)
    clock.now_s += 0.1
    assert budget.pause_s == pytest.approx(0, abs=1e-9)
    clock.now_s += 3600
    budget.spend(0.03)  # an hour of rest is worth one burst
    assert budget.pause_s == pytest.approx(0.1)


def test_over_a_minute_strangers_get_their_share_and_no_more():
    clock = Clock()
    budget = Budget(share=0.05, burst_s=0.02, clock=clock)
    start_s, used_s = clock.now_s, 0.0
    while clock.now_s - start_s < 60:
        clock.now_s += budget.pause_s
        budget.spend(0.001)
        used_s += 0.001
        clock.now_s += 0.001
    assert used_s == pytest.approx(60 * 0.05, rel=0.05)


def held_s(wrong: WrongTokens, clock: Clock, origin: str) -> float:
    visitor = Visitor(origin, clock.now_s)
    wrong.hold(visitor)
    return visitor.held_until_s - clock.now_s


def test_each_wrong_token_waits_longer_and_elsewhere_nobody_does():
    clock = Clock()
    wrong = WrongTokens(clock)
    waits_s = [held_s(wrong, clock, "10.0.0.6") for _ in range(2000)]
    assert waits_s[:3] == pytest.approx([FIRST_DELAY_S, 2 * FIRST_DELAY_S, 4 * FIRST_DELAY_S])
    assert waits_s[-1] == pytest.approx(LONGEST_DELAY_S)
    assert held_s(wrong, clock, "10.0.0.7") == pytest.approx(FIRST_DELAY_S)
    clock.now_s += FORGIVEN_S
    assert held_s(wrong, clock, "10.0.0.6") == pytest.approx(FIRST_DELAY_S)


def test_of_a_million_guessers_few_are_remembered():
    clock = Clock()
    wrong = WrongTokens(clock)
    for number in range(3000):
        held_s(wrong, clock, str(number))
    assert len(wrong._guilty) <= 1000


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("not an address", "not an address"),
    ],
)
def test_one_network_is_one_origin(address: str, origin: str):
    assert origin_of(address) == origin


def crowd(origin: str, count: int, since_s: float = 0.0, *, is_known: bool = False) -> list[Visitor]:
    return [Visitor(origin, since_s + number, is_known=is_known) for number in range(count)]


def test_an_origin_that_has_its_share_makes_room_itself():
    mine, others = crowd("a", MAX_FROM_ONE, 100.0), crowd("b", 5)
    assert to_close_for("a", mine + others) is mine[0]
    assert to_close_for("b", mine + others) is None


def test_who_waits_for_an_answer_is_spared_while_others_have_not_even_asked():
    mine = crowd("a", MAX_FROM_ONE, 100.0)
    for visitor in mine[:-1]:
        visitor.is_served = True
    assert to_close_for("a", mine) is mine[-1]
    mine[-1].is_served = True
    assert to_close_for("a", mine) is mine[0]


def test_where_all_places_are_taken_the_largest_crowd_makes_room():
    many, some, me = crowd("a", MAX_FROM_ONE - 1, 100.0), crowd("b", 20), crowd("c", 5)
    assert len(many + some + me) == MAX_STRANGERS
    assert to_close_for("d", many + some + me) is many[0]
    assert to_close_for("c", many + some + me) is many[0]


def test_who_is_known_makes_no_room_and_takes_none_from_strangers():
    known = crowd("a", 60, is_known=True)
    assert to_close_for("a", known) is None
    assert to_close_for("a", known + crowd("a", MAX_FROM_ONE - 1)) is None


@pytest.mark.parametrize("is_sending", [True, False])
def test_a_stranger_has_little_time_whatever_it_does(is_sending: bool):
    stranger = Visitor("a", 100.0)
    assert not is_overdue(stranger, 100 + STRANGER_S - 1, is_sending=is_sending)
    assert is_overdue(stranger, 100 + STRANGER_S, is_sending=is_sending)
    stranger.is_served = True
    assert not is_overdue(stranger, 100 + STRANGER_S, is_sending=is_sending)


def test_a_known_one_may_be_silent_but_must_finish_what_it_began():
    known = Visitor("a", 100.0, is_known=True)
    assert is_overdue(known, 100 + STRANGER_S, is_sending=True)
    assert not is_overdue(known, 100 + STRANGER_S, is_sending=False)
    assert is_overdue(known, 100 + KNOWN_IDLE_S, is_sending=False)


def test_an_answer_that_is_held_gets_its_time_afterwards():
    held = Visitor("a", 100.0, held_until_s=108.0)
    assert not is_overdue(held, 100 + STRANGER_S, is_sending=False)
    assert is_overdue(held, 108 + STRANGER_S, is_sending=False)
