"""Mutation run: which changes are made, and that a copy of the repository notices one."""

import ast

import pytest

from tools.mutation.__main__ import Outcome, chosen, every_change, report
from tools.mutation.changes import Change, changes_of, sample
from tools.mutation.rooms import EQUIVALENT, ROOMS

CODE = '''
"""Module."""
import sys
LIMIT: int = 5
def f(a: int, b=0.5):
    """Docstring."""
    if a < LIMIT and not b:
        raise ValueError("größe")  # of 3 bytes
    if sys.platform == "win32":
        return 7
    g(a)
    return a - 1 if b else a  # - not this
'''


def lines(code: str) -> set[tuple[str, str]]:
    return {(change.before, change.after) for change in changes_of("m.py", code.encode())}


def test_each_change_is_one_place_of_the_code():
    head = "if a < LIMIT and not b:"
    last = "return a - 1 if b else a # - not this"
    assert lines(CODE) == {
        ("LIMIT: int = 5", "LIMIT: int = 6"),
        ("def f(a: int, b=0.5):", "def f(a: int, b=1.0):"),
        (head, "if a <= LIMIT and not b:"),
        (head, "if a < LIMIT or not b:"),
        (head, "if a < LIMIT and b:"),
        ('raise ValueError("größe") # of 3 bytes', "pass # of 3 bytes"),
        ("g(a)", "pass"),
        (last, "return a + 1 if b else a # - not this"),
        (last, "return a - 2 if b else a # - not this"),
        (last, "return a - 1 if (not (b)) else a # - not this"),
        (last, "return None # - not this"),
    }


def test_an_attribute_that_is_not_set_is_a_change_but_not_in_init():
    code = "class A:\n    def __init__(self):\n        self.x = y\n    def f(self):\n        self.x = y\n"
    assert lines(code) == {("self.x = y", "pass")}
    assert len(changes_of("m.py", code.encode())) == 1


@pytest.mark.parametrize("code", ["a not in b", "a is not b", "(a) < (b)", "not (a and b)", "a <= b < c"])
def test_every_change_is_code(code):
    for change in changes_of("m.py", f"x = {code}\n".encode()):
        ast.parse(change.apply(f"x = {code}\n".encode()))
        assert change.before != change.after


def test_the_sample_depends_on_the_seed_alone():
    changes = changes_of("m.py", CODE.encode())
    assert sample(changes, 4, "1") == sample(changes, 4, "1") != sample(changes, 4, "2")
    assert sample(changes, 99, "1") == changes


def test_changes_that_nobody_could_notice_are_there_and_are_not_drawn():
    """A line that has changed since wants another look."""
    assert EQUIVALENT.keys() <= {change.key for room in ROOMS for change in every_change(room)}
    drawn = {change.key for change in chosen("decision", 10_000, 0)}
    assert drawn == {change.key for change in every_change("decision")} - EQUIVALENT.keys()


def test_the_report_counts_each_room_and_all():
    change = Change("m.py", 0, 1, 1, "a", "b", "b")
    outcomes = [Outcome("loop", change, "test_a", 1.0), Outcome("loop", change, "", 1.0)]
    assert report([*outcomes, Outcome("card", change, "test_b", 1.0)]).splitlines() == [
        "loop            1 of    2   50%",
        "card            1 of    1  100%",
        "all             2 of    3   67%",
    ]
