"""A live source against a real server on loopback, with children that are killed and stopped."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from edgecls.edge_runtime.camera.capture import Capture, Patience
from edgecls.edge_runtime.camera.capture_opencv import pictures
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.source import EndOfSource
from edgecls.edge_runtime.camera.source_address import Device, Stream
from edgecls.edge_runtime.errors import Unavailable

from ...mjpeg_server import MjpegServer, read_number

QUICK = Patience(silence_s=1.0, first_pause_s=0.05, longest_pause_s=0.2, healthy_s=0.3)


@pytest.fixture
def server():
    with MjpegServer() as server:
        yield server


class Watched:
    """A capture and the events it gave."""

    def __init__(self, address: Stream | Device, one_shot=False, patience=QUICK) -> None:
        self.events: list[Event] = []
        self.source = Capture(address, one_shot=one_shot, on_event=self.events.append, patience=patience)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def read_until(self, happened: Callable[[], bool], timeout_s=20.0) -> list[Frame]:
        """Reads until something holds; the frames that came on the way."""
        frames, end_s = [], time.monotonic() + timeout_s
        while not happened():
            assert time.monotonic() < end_s, f"in vain; events: {[event.text for event in self.events]}"
            frame = self.source.read(0.05)
            if frame is not None:
                frames.append(frame)
        return frames

    def read_frames(self, count: int) -> list[Frame]:
        frames: list[Frame] = []
        while len(frames) < count:
            frame = self.source.read(20)
            assert frame is not None
            frames.append(frame)
        return frames

    def __enter__(self):
        self.source.__enter__()
        return self

    def __exit__(self, *_):
        self.source.close()


def watch(server: MjpegServer, **options) -> Watched:
    return Watched(Stream(server.url), **options)


def is_reaped(pid: int) -> bool:
    """Not there, not even as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def descriptors() -> int:
    """Pipes and shared memory that are open here; the server's sockets are not a capture's."""
    links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(1 for link in links if str(link).startswith(("pipe:", "/memfd:")))


def test_frames_arrive_in_order_and_young(server):
    with watch(server, one_shot=True) as watched:
        watched.read_frames(3)  # FFmpeg looks at the first ones before it says that it opened
        frames = watched.read_frames(20)

    numbers = [read_number(frame.pixels) for frame in frames]
    ages_s = [frame.captured_at_s - server.sent_at_s[read_number(frame.pixels)] for frame in frames]
    sequences = [frame.sequence for frame in frames]
    assert numbers == sorted(set(numbers))
    assert sequences == sorted(set(sequences))
    assert min(ages_s) >= 0
    assert sorted(ages_s)[10] < 0.1
    assert watched.kinds == ["opened"]
    assert watched.events[0].text == f"opened {server.url}: 160x120, 25 fps"  # 25: FFmpeg's, for MJPEG
    assert watched.source.rate_fps == 25


def test_a_slow_reader_gets_the_newest_frame_and_a_gap_in_the_numbers(server):
    with watch(server) as watched:
        before = watched.read_frames(5)[-1]
        newest = server.newest
        server.wait_for(lambda: server.newest >= newest + 20)
        newest = server.newest
        after = watched.source.read(1)

    assert read_number(after.pixels) >= newest - 2
    assert after.sequence - before.sequence >= 15


def test_no_new_frame_is_none_after_the_timeout_and_no_frame_comes_twice():
    with MjpegServer(rate_fps=4) as server, watch(server) as watched:
        first = watched.read_frames(3)[-1]
        started_s = time.monotonic()
        assert watched.source.read(0.1) is None
        assert 0.09 < time.monotonic() - started_s < 0.4
        assert watched.source.read(5).sequence == first.sequence + 1


def test_a_stream_that_ends_is_opened_again_and_the_numbers_go_on():
    with MjpegServer(frames=10) as server, watch(server) as watched:
        frames = watched.read_until(lambda: watched.kinds.count("opened") == 3)

    assert watched.kinds == ["opened", "ended", "opened", "ended", "opened"]
    assert watched.events[1].text == "stream ended; reconnecting"
    sequences = [frame.sequence for frame in frames]
    numbers = [read_number(frame.pixels) for frame in frames]
    assert sequences == sorted(set(sequences))
    assert numbers == sorted(set(numbers))
    assert numbers[-1] >= 19  # the last frame before the end is given too


def test_the_end_of_a_stream_is_the_end_of_a_one_shot_after_its_last_frame():
    with MjpegServer(frames=10) as server, watch(server, one_shot=True) as watched:
        frames = []
        with pytest.raises(EndOfSource):
            frames.extend(iter(lambda: watched.source.read(20), None))

    assert read_number(frames[-1].pixels) == 10
    assert watched.kinds == ["opened"]


def test_a_reader_that_comes_late_gets_the_last_frame_and_then_the_end():
    with MjpegServer(frames=10) as server, watch(server, one_shot=True) as watched:
        process = os.pidfd_open(watched.source.pid)
        assert select.select([process], [], [], 20)[0]  # it has ended by itself
        os.close(process)

        assert read_number(watched.source.read(0).pixels) == 10
        with pytest.raises(EndOfSource):
            watched.source.read(0)


@pytest.mark.parametrize("fault", ["silent", "stalled"])
def test_a_server_that_gives_nothing_is_tried_again_until_it_does(fault):
    with MjpegServer(fault=fault) as server, watch(server) as watched:
        watched.read_until(lambda: "stalled" in watched.kinds)
        assert [event.text for event in watched.events if event.kind == "stalled"] == [
            "no frame in 1 s; trying again in 0.05 s"
        ]
        server.fault = ""
        assert watched.read_frames(1)

    assert watched.kinds[-1] == "opened"


def test_a_stream_that_stalls_is_opened_again(server):
    with watch(server) as watched:
        pid = watched.source.pid
        last = watched.read_frames(5)[-1]
        server.fault = "stalled"
        watched.read_until(lambda: "stalled" in watched.kinds)
        assert is_reaped(pid)
        server.fault = ""
        next_frame = watched.read_frames(1)[0]

    assert watched.kinds == ["opened", "stalled", "opened"]
    assert next_frame.sequence > last.sequence


def test_a_one_shot_does_not_wait_for_a_stream_that_stalls(server):
    with watch(server, one_shot=True) as watched:
        watched.read_frames(1)
        server.fault = "stalled"
        with pytest.raises(Unavailable, match="no frame in 1 s; check that it is on"):
            watched.read_until(lambda: False)


def test_a_killed_process_is_replaced(server):
    with watch(server) as watched:
        last = watched.read_frames(5)[-1]
        os.kill(watched.source.pid, signal.SIGKILL)
        killed_at_s = time.monotonic()
        watched.read_until(lambda: "restarted" in watched.kinds)
        assert time.monotonic() - killed_at_s < 2
        next_frame = watched.read_frames(1)[0]

    assert watched.kinds == ["opened", "died", "restarted", "opened"]
    assert watched.events[1].text == "the capture process was killed by SIGKILL; trying again in 0.05 s"
    assert next_frame.sequence > last.sequence
    assert read_number(next_frame.pixels) > read_number(last.pixels)


def test_a_stopped_process_is_replaced(server):
    with watch(server) as watched:
        watched.read_frames(5)
        pid = watched.source.pid
        os.kill(pid, signal.SIGSTOP)
        watched.read_until(lambda: watched.kinds.count("opened") == 2)

    assert watched.kinds == ["opened", "stalled", "opened"]
    assert is_reaped(pid)


def test_a_process_leaves_its_end_to_its_parent(server):
    """Ctrl-C reaches a whole process group, and a service that stops signals each of its processes."""
    with watch(server) as watched:
        watched.read_frames(1)
        pid = watched.source.pid
        assert os.getpgid(pid) != os.getpgrp()
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
        newest = server.newest
        server.wait_for(lambda: server.newest >= newest + 5)
        watched.read_frames(3)
        assert watched.source.pid == pid


def test_a_missing_camera_is_waited_for_with_growing_pauses():
    with Watched(Device("/dev/video98")) as watched:
        watched.read_until(lambda: len(watched.events) == 4)

    pauses_s = (0.05, 0.1, 0.2, 0.2)
    for event, pause_s in zip(watched.events, pauses_s, strict=True):
        assert event.kind == "unavailable"
        assert event.text.startswith("/dev/video98: no such camera; ")
        assert event.text.endswith(f"; trying again in {pause_s:g} s")


def test_a_missing_camera_ends_a_one_shot():
    with Watched(Device("/dev/video98"), one_shot=True, patience=Patience(silence_s=0.2)) as watched:
        with pytest.raises(Unavailable, match="/dev/video98: no such camera; "):
            watched.source.read(20)
        assert watched.source.read(0.3) is None
        assert watched.source.pid is None  # it is not looked for again


def test_a_server_that_is_not_there_ends_a_one_shot():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        refused = pytest.raises(Unavailable, match=f"{url}: connection refused; check the address")
        with Watched(Stream(url), one_shot=True) as watched, refused:
            watched.source.read(20)


def test_a_page_in_place_of_a_stream_ends_a_one_shot():
    refused = pytest.raises(Unavailable, match="answers, but not with a video; check the path")
    with MjpegServer(fault="html") as server, watch(server, one_shot=True) as watched, refused:
        watched.source.read(20)


def test_a_new_resolution_after_reconnecting_is_told(server):
    with watch(server) as watched:
        watched.read_frames(1)
        server.size_px = (320, 240)
        server.close_streams()
        watched.read_until(lambda: "resolution" in watched.kinds)

    assert watched.events[-1].text == "the pictures are 320x240 from here on"


def test_a_password_is_in_no_event_and_no_list_of_processes(server):
    url = server.url.replace("//", "//admin:hunter2@")
    with Watched(Stream(url)) as watched:
        watched.read_frames(1)
        process = Path(f"/proc/{watched.source.pid}")
        for name in ("cmdline", "environ", "comm"):
            assert b"hunter2" not in (process / name).read_bytes()
        server.close_streams()
        watched.read_until(lambda: watched.kinds.count("opened") == 2)

    texts = [event.text for event in watched.events]
    assert any("//admin:***@127.0.0.1" in text for text in texts)
    assert not any("hunter2" in text for text in texts)


@pytest.mark.parametrize("state", ["starting", "running", "waiting", "stopped"])
def test_leaving_is_quick_and_leaves_nothing(state):
    before, threads = descriptors(), threading.active_count()
    with MjpegServer(fault="silent" if state == "waiting" else "") as server:
        with watch(server, patience=Patience()) as watched:
            pid = watched.source.pid
            if state in ("running", "stopped"):
                watched.read_frames(1)
            if state == "waiting":
                server.wait_for(lambda: server.connections == 1)
            if state == "stopped":
                os.kill(pid, signal.SIGSTOP)
            started_s = time.monotonic()
        assert time.monotonic() - started_s < 1
        assert is_reaped(pid)
        assert descriptors() == before
    assert threading.active_count() == threads


def test_many_reconnections_keep_the_descriptors():
    with MjpegServer(frames=3) as server, watch(server) as watched:
        watched.read_frames(1)
        before = descriptors()
        watched.read_until(lambda: watched.kinds.count("opened") == 4)
        assert descriptors() == before


@pytest.mark.parametrize("fault", ["", "silent"])
def test_the_process_ends_when_its_parent_is_killed(fault):
    """Also while it hangs in a read."""
    code = """
import sys
from edgecls.edge_runtime.camera.opening import open_source

with open_source(sys.argv[1], one_shot=False) as source:
    print(source.pid, flush=True)
    while True:
        source.read(1)
"""
    with MjpegServer(fault=fault) as server:
        parent = subprocess.Popen([sys.executable, "-c", code, server.url], stdout=subprocess.PIPE)
        child = os.pidfd_open(int(parent.stdout.readline()))
        server.wait_for(lambda: server.connections == 1)
        parent.kill()
        parent.communicate()
        ended = select.select([child], [], [], 5)[0]
        os.close(child)

    assert ended


def test_modules_in_the_current_folder_do_not_stand_in_for_ours(server, tmp_path, monkeypatch):
    for name in ("numpy", "json", "cv2", "edgecls"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    with watch(server, one_shot=True) as watched:
        assert watched.read_frames(1)


def test_the_process_loads_what_its_camera_needs_and_no_more():
    code = "import sys, edgecls.edge_runtime.camera.capture_child; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())

    assert "edgecls.edge_runtime.camera.frame_slot" in loaded
    assert not loaded & {"onnxruntime", "ai_edge_litert", "typer", "numpy", "cv2", "tensorflow"}


def test_reads_that_fail_at_once_do_not_spin():
    class Unplugged:
        reads = 0

        def grab(self) -> bool:
            self.reads += 1
            return False

    camera = Unplugged()
    started_s = time.monotonic()

    assert list(pictures(camera)) == []
    assert camera.reads == 10
    assert time.monotonic() - started_s >= 0.2


def test_pauses_grow_to_a_limit():
    assert [Patience().pause_s(failures) for failures in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]


def test_opening_may_take_longer_after_failures():
    assert [Patience().opening_s(failures) for failures in range(4)] == [5, 10, 20, 20]


def test_failures_are_forgotten_after_health(server):
    with watch(server) as watched:
        for _ in range(2):
            frame = watched.read_frames(1)[0]
            healthy_at_s = frame.captured_at_s + QUICK.healthy_s
            while watched.read_frames(1)[0].captured_at_s < healthy_at_s:
                pass
            os.kill(watched.source.pid, signal.SIGKILL)
            watched.read_until(lambda: watched.kinds[-1] == "restarted")

    died = [event.text for event in watched.events if event.kind == "died"]
    assert [text.rpartition("in ")[2] for text in died] == ["0.05 s", "0.05 s"]


def test_failures_without_health_between_them_add_up(server):
    patience = Patience(first_pause_s=0.05, healthy_s=60)
    with watch(server, patience=patience) as watched:
        for _ in range(3):
            watched.read_frames(1)
            os.kill(watched.source.pid, signal.SIGKILL)
            watched.read_until(lambda: watched.kinds[-1] == "restarted")

    died = [event.text for event in watched.events if event.kind == "died"]
    assert [text.rpartition("in ")[2] for text in died] == ["0.05 s", "0.1 s", "0.2 s"]
