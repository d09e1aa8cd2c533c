"""What viewers see of a running loop."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.page.history import MAX_EVENTS, History
from edgecls.edge_runtime.page.live import MAX_FPS, MAX_JPEG_BYTES, LiveState, page_jpeg
from edgecls.edge_runtime.prediction import Prediction
from tests.fakes import answer, picture

CAT = Prediction((("cat", 0.9), ("dog", 0.1)), "cat")


def give(live: LiveState, sequence: int) -> None:
    live.add_answer(answer(Frame(picture(), sequence, time.monotonic()), CAT))


@pytest.fixture
def live() -> LiveState:
    return LiveState(lambda: None)


def test_a_viewer_gets_the_newest_and_skips_the_rest(live):
    for sequence in range(1, 6):
        give(live, sequence)
    shot = live.shot_after(0, 0)
    assert shot
    assert (shot.number, shot.answer.frame.sequence) == (5, 5)


def test_a_new_viewer_gets_no_picture_of_long_ago(live):
    give(live, 1)
    live.shot_after(0, 0)
    time.sleep(1.1 / MAX_FPS)  # what is tested is that this much time has passed
    give(live, 2)
    shot = live.shot_after(0, 0)
    assert shot
    assert shot.number == 2


def test_all_viewers_share_one_picture(live):
    give(live, 1)
    with ThreadPoolExecutor(4) as viewers:
        shots = list(viewers.map(lambda _: live.shot_after(0, 60), range(4)))
    assert len({id(shot) for shot in shots}) == 1


def test_pictures_are_made_at_a_limited_rate(live):
    give(live, 1)
    first = live.shot_after(0, 0)
    give(live, 2)
    second = live.shot_after(1, 60)
    assert first
    assert second
    assert second.made_at_s - first.made_at_s >= 1 / MAX_FPS - 0.001


def test_without_a_new_answer_the_wait_ends_in_time(live):
    give(live, 1)
    assert live.shot_after(1, 0.01) is None


def test_a_new_answer_ends_the_wait(live):
    with ThreadPoolExecutor(1) as viewer:
        waiting = viewer.submit(live.shot_after, 0, 60)
        give(live, 1)
        shot = waiting.result(timeout=60)
    assert shot
    assert shot.number == 1


def test_closing_ends_every_wait(live):
    with ThreadPoolExecutor(4) as viewers:
        waiting = [viewers.submit(live.shot_after, 0, 600) for _ in range(4)]
        live.close()
        assert [wait.result(timeout=60) for wait in waiting] == [None] * 4


@pytest.mark.timing
def test_an_answer_that_nobody_watches_costs_microseconds(live):
    given = answer(Frame(picture(), 1, time.monotonic()), CAT)
    costs_s = []
    for _ in range(2000):
        started_s = time.thread_time()
        live.add_answer(given)
        costs_s.append(time.thread_time() - started_s)
    assert sorted(costs_s)[len(costs_s) // 2] < 50e-6


def test_answers_that_nobody_watches_start_no_threads(live):
    before = threading.active_count()
    for sequence in range(1, 2001):
        give(live, sequence)
    assert threading.active_count() == before


def history() -> History:
    return History(started_s=0.0, temperature_c=lambda: 48.5)


def test_a_second_of_answers_is_one_point():
    made = history()
    for frame in range(1, 26):
        made.add_answer(age_ms=float(frame), now_s=frame / 25)
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


def test_what_is_kept_is_bounded():
    made = history()
    for second in range(1, 1001):
        made.tick(float(second))
        made.add_event(Event("stalled", f"the {second}th"))
    points, events = made.points_after(0), made.events_after(0)
    assert [point.number for point in points] == list(range(701, 1001))
    assert [event.number for event in events] == list(range(1001 - MAX_EVENTS, 1001))
    assert [point.number for point in made.points_after(998)] == [999, 1000]
    assert [event.event.text for event in made.events_after(999)] == ["the 1000th"]


def test_a_jpeg_from_the_camera_goes_on_as_it_is():
    content = cv2.imencode(".jpg", picture())[1].tobytes()
    assert page_jpeg(Frame(content, 1, 0.0)) is content


def test_pixels_become_a_jpeg_of_their_size():
    made = decode(page_jpeg(Frame(picture(64, 48, value=200), 1, 0.0)), "page")
    assert made.shape == (48, 64, 3)
    assert made.mean() == pytest.approx(200, abs=2)


@pytest.mark.parametrize("as_jpeg", [True, False])
def test_a_large_picture_is_made_smaller(as_jpeg):
    noise = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8)
    content = cv2.imencode(".jpg", noise)[1].tobytes()
    assert len(content) > MAX_JPEG_BYTES
    made = decode(page_jpeg(Frame(content if as_jpeg else noise, 1, 0.0)), "page")
    assert made.shape == (720, 1280, 3)
