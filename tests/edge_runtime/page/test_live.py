"""What viewers see of a running loop."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.page.live import HIGHEST_FPS, Live
from edgecls.edge_runtime.prediction import Prediction

from ...fakes import answer, picture

CAT = Prediction((("cat", 0.9), ("dog", 0.1)), "cat")


def give(live: Live, sequence: int) -> None:
    live.answered(answer(Frame(picture(), sequence, time.monotonic()), CAT))


@pytest.fixture
def live() -> Live:
    return Live(lambda: None)


def test_a_viewer_gets_the_newest_and_skips_the_rest(live):
    for sequence in range(1, 6):
        give(live, sequence)
    shot = live.shot_after(0, 0)
    assert shot
    assert (shot.number, shot.answer.frame.sequence) == (5, 5)


def test_a_new_viewer_gets_no_picture_of_long_ago(live):
    give(live, 1)
    live.shot_after(0, 0)
    time.sleep(1.1 / HIGHEST_FPS)  # what is tested is that this much time has passed
    give(live, 2)
    shot = live.shot_after(0, 0)
    assert shot
    assert shot.number == 2


def test_all_viewers_share_one_picture(live):
    give(live, 1)
    with ThreadPoolExecutor(4) as viewers:
        shots = list(viewers.map(lambda _: live.shot_after(0, 1), range(4)))
    assert len({id(shot) for shot in shots}) == 1


def test_pictures_are_made_at_a_limited_rate(live):
    give(live, 1)
    first = live.shot_after(0, 0)
    give(live, 2)
    second = live.shot_after(1, 1)
    assert first
    assert second
    assert second.made_at_s - first.made_at_s >= 1 / HIGHEST_FPS - 0.001


def test_without_a_new_answer_the_wait_ends_in_time(live):
    give(live, 1)
    assert live.shot_after(1, 0.01) is None


def test_a_new_answer_ends_the_wait(live):
    with ThreadPoolExecutor(1) as viewer:
        waiting = viewer.submit(live.shot_after, 0, 10)
        give(live, 1)
        shot = waiting.result(timeout=5)
    assert shot
    assert shot.number == 1


def test_closing_ends_every_wait(live):
    with ThreadPoolExecutor(4) as viewers:
        waiting = [viewers.submit(live.shot_after, 0, 60) for _ in range(4)]
        live.close()
        assert [wait.result(timeout=5) for wait in waiting] == [None] * 4


def test_an_answer_that_nobody_watches_costs_microseconds(live):
    given = answer(Frame(picture(), 1, time.monotonic()), CAT)
    costs_s = []
    for _ in range(2000):
        started_s = time.thread_time()
        live.answered(given)
        costs_s.append(time.thread_time() - started_s)
    assert sorted(costs_s)[len(costs_s) // 2] < 50e-6
    assert threading.active_count() < 20
