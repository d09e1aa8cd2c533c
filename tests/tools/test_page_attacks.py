"""The attacks on the page, each once on a page in this process, and their table."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from edgecls.edge_runtime.page import visitors
from edgecls.edge_runtime.page.server import PageSink
from tests.edge_runtime.page.conftest import get_from, port_of
from tools.page_attackers import ATTACKS
from tools.page_attacks import AttackResult, Frames, Views, render

TOKEN = "a-token-of-this-test"  # noqa: S105 - of a page on loopback


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[PageSink]:
    monkeypatch.setattr(visitors, "STRANGER_S", 0.2)
    monkeypatch.setattr(visitors, "LONGEST_DELAY_S", 0.1)
    sink = PageSink("127.0.0.1:0", TOKEN)
    yield sink
    sink.close()


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_comes_to_an_end_and_the_page_lives(page: PageSink, name: str):
    _, attack = ATTACKS[name]
    with suppress(OSError):
        attack(port_of(page))
    assert get_from(page, f"/?token={TOKEN}").status == 200


def test_the_table_sets_both_times_side_by_side():
    before, during = Frames(30.0, 1.5, 5.0), Frames(29.7, 1.6, 6.0)
    result = AttackResult("silent", before, during, 1234.0, Views([0.004, 0.010, 0.006], failed=1))
    row = render([result]).splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "silent",
        "1,234",
        "30.0 / 29.7",
        "-1.0%",
        "1.5 / 1.6",
        "5.0 / 6.0",
        "3, 1 failed",
        "6, 10",
    ]


def test_a_loop_that_stood_still_has_a_row_too():
    nothing = Frames(0.0, 0.0, 0.0)
    assert "silent" in render([AttackResult("silent", nothing, nothing, 0.0, Views())])
