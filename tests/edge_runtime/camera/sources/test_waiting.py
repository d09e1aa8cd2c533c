"""Calls that may not return: who waits for them sees in time whether to stop."""

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.sources import video
from edgecls.edge_runtime.camera.sources.video import Video
from edgecls.edge_runtime.camera.sources.waiting import NotYet, Waiting
from edgecls.edge_runtime.errors import BadImage
from tests.edge_runtime.camera.sources.test_video import write_video


def test_results_and_errors_come_back():
    given = iter([1, 2])
    call = Waiting(lambda: next(given), 60.0)
    assert [call(), call()] == [1, 2]
    with pytest.raises(StopIteration):
        call()
    assert not call.is_busy
    call.close()


def test_a_call_that_has_not_returned_is_waited_for_again_and_not_made_twice():
    goes_on, calls = threading.Event(), []
    call = Waiting(lambda: (calls.append(1), goes_on.wait(60.0)), 0.01)
    for _ in range(3):
        with pytest.raises(NotYet):
            call()
    assert call.is_busy
    goes_on.set()
    while call.is_busy:
        with suppress(NotYet):
            call()
    assert calls == [1]
    call.close()


class Stuck:
    """An open video whose third frame keeps its decoder busy until it is told to go on."""

    def __init__(self, capture) -> None:
        self.capture, self.goes_on, self.grabs, self.is_released = capture, threading.Event(), 0, False

    def get(self, what: int) -> float:
        return self.capture.get(what)

    def grab(self) -> bool:
        self.grabs += 1
        if self.grabs == 3:
            self.goes_on.wait(60.0)
        return self.capture.grab()

    def retrieve(self):
        return self.capture.retrieve()

    def release(self) -> None:
        self.is_released = True
        self.capture.release()


@pytest.fixture
def stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made: list[Stuck] = []

    def within_room(capture):
        made.append(Stuck(capture))
        return made[0].grab

    monkeypatch.setattr(video, "_within_room", within_room)
    monkeypatch.setattr(video, "_WAIT_S", 0.05)
    with Video(write_video(tmp_path / "a.avi", "XVID", 5)) as source:
        yield source, made[0]
    made[0].goes_on.set()


def test_a_frame_that_takes_long_is_waited_for_in_python(stuck):
    source, capture = stuck
    assert [source.read(0).sequence for _ in range(2)] == [1, 2]
    assert [source.read(0) for _ in range(3)] == [None] * 3
    capture.goes_on.set()
    frame = None
    while frame is None:
        frame = source.read(0)
    assert frame.sequence == 3
    assert source.read(0).sequence == 4


def test_a_frame_that_takes_for_ever_is_one_line_and_its_file_stays_open(stuck, monkeypatch):
    monkeypatch.setattr(video, "_MOST_WAITS", 3)
    source, capture = stuck
    assert [source.read(0).sequence for _ in range(2)] == [1, 2]
    assert [source.read(0) for _ in range(3)] == [None] * 3
    with pytest.raises(BadImage, match=r"frame 3 takes more than 0\.15 s to decode; copy it again$"):
        source.read(0)
    noted: list[str] = []
    monkeypatch.setattr(video, "note_stuck", noted.append)
    source._capture = capture
    source.__exit__(None, None, None)
    assert not capture.is_released
    assert len(noted) == 1  # so that this process ends without waiting for it
