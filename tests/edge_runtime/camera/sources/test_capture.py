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
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.sources import capture_process
from edgecls.edge_runtime.camera.sources.address import Device, Stream
from edgecls.edge_runtime.camera.sources.capture import Capture
from edgecls.edge_runtime.camera.sources.capture_process import CaptureNotice
from edgecls.edge_runtime.camera.sources.freeze import FreezeDetector
from edgecls.edge_runtime.camera.sources.patience import DEFAULT_PATIENCE, Patience
from edgecls.edge_runtime.camera.sources.source import EndOfSource
from edgecls.edge_runtime.camera.sources.usb_camera import pictures
from edgecls.edge_runtime.errors import PermissionRefused, Unavailable
from edgecls.edge_runtime.images.opencv import cv2
from tests.fakes import PATIENT
from tests.mjpeg_server import MjpegServer, numbered_picture, read_number

QUICK = replace(PATIENT, silence_s=1.0, first_frame_s=1.0)
"""For servers that are silent."""


@pytest.fixture
def server():
    with MjpegServer() as server:
        yield server


class Watched:
    """A capture and the events it gave."""

    def __init__(self, address: Stream | Device, one_shot=False, patience=PATIENT) -> None:
        self.events: list[Event] = []
        self.source = Capture(address, one_shot=one_shot, on_event=self.events.append, patience=patience)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def now_has(self, patience: Patience) -> None:
        """From the next frame on: opening takes long on a busy machine, and is not what is tested."""
        self.source._patience = patience

    def read_until(self, happened: Callable[[], bool], timeout_s=60.0) -> list[Frame]:
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
            frame = self.source.read(60)
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


def test_frames_arrive_in_order(server):
    with watch(server, one_shot=True) as watched:
        watched.read_frames(3)
        frames = watched.read_frames(20)

    numbers = [read_number(frame.pixels) for frame in frames]
    ages_s = [frame.captured_at_s - server.sent_at_s[read_number(frame.pixels)] for frame in frames]
    sequences = [frame.sequence for frame in frames]
    assert numbers == sorted(set(numbers))
    assert sequences == sorted(set(sequences))
    assert min(ages_s) >= 0
    assert watched.kinds == ["opened"]
    assert watched.events[0].text == f"opened {server.url}: 160x120"
    assert all(frame.jpeg for frame in frames)  # as they came: nobody decoded them


@pytest.mark.timing
def test_frames_are_young(server):
    with watch(server, one_shot=True) as watched:
        watched.read_frames(3)
        frames = watched.read_frames(20)

    ages_s = [frame.captured_at_s - server.sent_at_s[read_number(frame.pixels)] for frame in frames]
    assert sorted(ages_s)[10] < 0.1


def test_a_slow_reader_skips_frames_and_sees_a_gap_in_the_numbers():
    with MjpegServer(rate_fps=100) as server, watch(server) as watched:
        before = watched.read_frames(5)[-1]
        newest = server.newest
        server.wait_for(lambda: server.newest >= newest + 60)  # of which a busy machine may lose some
        after = watched.read_frames(1)[0]

    assert after.sequence - before.sequence >= 15


@pytest.mark.timing
def test_a_slow_reader_gets_the_newest_frame(server):
    with watch(server) as watched:
        before = watched.read_frames(5)[-1]
        newest = server.newest
        server.wait_for(lambda: server.newest >= newest + 20)
        newest = server.newest
        after = watched.read_frames(1)[0]

    assert read_number(after.pixels) >= newest - 2
    assert after.sequence - before.sequence >= 15


def test_no_new_frame_is_none_after_the_timeout_and_no_frame_comes_twice(within):
    with MjpegServer() as server, watch(server) as watched:
        last, newest = watched.read_frames(3)[-1], server.stall()
        while read_number(last.pixels) < newest:
            last = watched.read_frames(1)[0]
        started_s = time.monotonic()
        with within(0.4):
            assert watched.source.read(0.1) is None
        assert time.monotonic() - started_s > 0.09
        server.fault = ""
        assert watched.source.read(20).sequence == last.sequence + 1


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
    with MjpegServer(fault=fault) as server, watch(server, patience=QUICK) as watched:
        watched.read_until(lambda: "stalled" in watched.kinds)
        watched.now_has(PATIENT)
        assert [event.text for event in watched.events if event.kind == "stalled"] == [
            "no frame in 1 s; trying again in 0.05 s"
        ]
        server.fault = ""
        assert watched.read_frames(1)

    assert watched.kinds[-1] == "opened"


def test_pauses_do_not_grow_for_a_camera_that_is_silent():
    """Each attempt has waited long enough."""
    patience = replace(PATIENT, silence_s=0.1, first_frame_s=0.1)
    with MjpegServer(fault="silent") as server, watch(server, patience=patience) as watched:
        watched.read_until(lambda: watched.kinds.count("stalled") == 3)

    assert [event.text.rpartition("; ")[2] for event in watched.events] == ["trying again in 0.05 s"] * 3


def test_a_stream_that_stalls_is_opened_again(server):
    with watch(server) as watched:
        pid = watched.source.pid
        watched.read_frames(5)
        watched.now_has(QUICK)
        last = watched.read_frames(1)[0]
        server.fault = "stalled"
        assert not watched.source.is_silent
        watched.read_until(lambda: "stalled" in watched.kinds)
        watched.now_has(PATIENT)
        assert watched.source.is_silent
        assert is_reaped(pid)
        server.fault = ""
        next_frame = watched.read_frames(1)[0]
        assert not watched.source.is_silent

    assert watched.kinds == ["opened", "stalled", "opened"]
    assert next_frame.sequence > last.sequence


def test_a_one_shot_does_not_wait_for_a_stream_that_stalls(server):
    with watch(server, one_shot=True) as watched:
        watched.read_frames(1)
        watched.now_has(QUICK)
        watched.read_frames(1)
        server.fault = "stalled"
        with pytest.raises(Unavailable, match="no frame in 1 s; check that it is on"):
            watched.read_until(lambda: False)


def test_a_killed_process_is_replaced(server, within):
    with watch(server) as watched:
        last = watched.read_frames(5)[-1]
        os.kill(watched.source.pid, signal.SIGKILL)
        with within(2):
            watched.read_until(lambda: "restarted" in watched.kinds)
        next_frame = watched.read_frames(1)[0]

        server.close_streams()
        watched.read_until(lambda: watched.kinds.count("opened") == 3)

    assert watched.kinds == ["opened", "died", "restarted", "opened", "ended", "opened"]
    assert watched.events[1].text == "the capture process was killed by SIGKILL; trying again in 0.05 s"
    assert next_frame.sequence > last.sequence
    assert read_number(next_frame.pixels) > read_number(last.pixels)


def test_a_process_that_cannot_be_started_is_tried_again(server, monkeypatch):
    """The system may be out of memory or processes for a while."""
    with monkeypatch.context() as broken:
        broken.setattr(capture_process, "CHILD_COMMAND", ["/nowhere/python"])
        with watch(server) as watched:
            watched.read_until(lambda: len(watched.events) == 2)
            broken.undo()
            watched.read_frames(1)

    assert watched.kinds == ["unavailable", "unavailable", "opened"]
    assert watched.events[1].text == (
        "cannot start the capture process: No such file or directory; trying again in 0.1 s"
    )


def test_a_stopped_process_is_replaced(server):
    with watch(server) as watched:
        watched.read_frames(5)
        watched.now_has(QUICK)
        watched.read_frames(1)
        pid = watched.source.pid
        os.kill(pid, signal.SIGSTOP)
        watched.read_until(lambda: "stalled" in watched.kinds)
        watched.now_has(PATIENT)
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
    first = " (Ctrl-C ends; `--source demo` needs no camera)"
    for event, pause_s, hint in zip(watched.events, pauses_s, (first, "", "", ""), strict=True):
        assert event.kind == "unavailable"
        assert event.text.startswith("/dev/video98: no such camera; ")
        assert event.text.endswith(f"; trying again in {pause_s:g} s{hint}")


def test_a_missing_camera_ends_a_one_shot():
    with Watched(Device("/dev/video98"), one_shot=True) as watched:
        with pytest.raises(Unavailable, match="/dev/video98: no such camera; "):
            watched.source.read(20)
        assert watched.source.read(0.3) is None
        assert watched.source.pid is None  # it is not looked for again


def test_a_camera_that_is_not_waited_for_is_an_error_that_says_what_else_there_is():
    source = Capture(Device("/dev/video97"), one_shot=False, waits=False)
    with source, pytest.raises(Unavailable, match="/dev/video97: no such camera") as raised:
        source.read(60)
    assert "/dev/video*" in str(raised.value) or "there is /dev/video" in str(raised.value)
    assert str(raised.value).endswith("`--source demo` needs no camera, and `--wait` waits for this one")


def test_a_camera_that_was_there_is_waited_for_in_any_case():
    with (
        MjpegServer(frames=3) as server,
        Capture(Stream(server.url), one_shot=False, waits=False, patience=PATIENT) as source,
    ):
        seen = [frame.sequence for frame, _ in zip(source, range(7), strict=False)]
    assert seen[-1] >= 7


def test_a_one_shot_may_wait_for_its_camera():
    with MjpegServer(fault="html") as server:
        events: list[Event] = []

        def mend(event: Event) -> None:
            events.append(event)
            server.fault = ""

        source = Capture(Stream(server.url), one_shot=True, waits=True, patience=PATIENT, on_event=mend)
        with source:
            assert next(iter(source)).sequence == 1
    assert events[0].kind == "unavailable"


def test_a_camera_in_use_is_waited_for_and_its_user_named(tmp_path):
    path = tmp_path / "video0"
    path.touch()
    with path.open(), Watched(Device(str(path))) as watched:  # open here is in use for the capture process
        watched.read_until(lambda: len(watched.events) == 2)

    for event in watched.events:
        assert event.kind == "unavailable"
        assert f"{path}: in use by another process (" in event.text
        assert f"pid {os.getpid()}); end it or choose another camera; trying again in" in event.text


REFUSED = CaptureNotice(
    "failed", "permission denied: /dev/video0; add the user to group video", error="PermissionRefused"
)


def test_a_camera_that_we_may_not_open_is_waited_for():
    """Row 14. The notice stands for a camera that root, too, may not open."""
    with MjpegServer(fault="silent") as server, watch(server) as watched:
        watched.source._note(REFUSED)
        watched.read_until(lambda: bool(watched.events))
        server.fault = ""
        watched.read_frames(1)

    assert watched.kinds == ["unavailable", "opened"]
    assert watched.events[0].text.startswith(f"{REFUSED.text}; trying again in 0.05 s")


def test_a_camera_that_we_may_not_open_ends_a_one_shot():
    with MjpegServer(fault="silent") as server, watch(server, one_shot=True) as watched:
        watched.source._note(REFUSED)
        with pytest.raises(PermissionRefused, match=REFUSED.text):
            watched.source.read(60)


def test_a_server_that_is_not_there_ends_a_one_shot():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        refused = pytest.raises(Unavailable, match=f"{url}: connection refused; check address")
        with Watched(Stream(url), one_shot=True) as watched, refused:
            watched.source.read(20)


def test_a_page_in_place_of_a_stream_ends_a_one_shot():
    refused = pytest.raises(Unavailable, match="answers with a web page, not with a video; check")
    with MjpegServer(fault="html") as server, watch(server, one_shot=True) as watched, refused:
        watched.source.read(20)


@pytest.mark.parametrize("reconnects", [False, True])
def test_a_new_resolution_is_told_and_used(server, reconnects):
    with watch(server) as watched:
        watched.read_frames(1)
        server.size_px = (320, 240)
        if reconnects:
            server.close_streams()
        watched.read_until(lambda: "resolution" in watched.kinds)
        assert watched.events[-1].text == "picture size changed to 320x240"
        assert watched.read_frames(1)[0].pixels.shape == (240, 320, 3)


@pytest.mark.parametrize("fault", ["half", "noise"])
def test_damaged_pictures_are_dropped_and_counted_and_do_not_end_a_stream(server, fault):
    with watch(server) as watched:
        first = watched.read_frames(3)[-1]
        for _ in range(2):
            server.fault = fault
            newest, counted = server.newest, watched.source.corrupt_frames
            watched.read_until(lambda: watched.source.corrupt_frames >= counted + 3)  # noqa: B023
            server.fault = ""
            frame = watched.read_frames(1)[0]
            assert read_number(frame.pixels) > newest
        assert watched.source.pid
        assert watched.source.reconnects == 0

    assert watched.kinds == ["opened", "corrupt", "corrupt"]
    assert watched.events[1].text == "damaged pictures; dropping them"
    assert frame.sequence > first.sequence


@pytest.mark.parametrize("fault", ["half", "noise"])
def test_after_ten_damaged_pictures_in_a_row_the_source_is_opened_again(server, fault):
    with watch(server) as watched:
        watched.read_frames(1)
        server.fault = fault
        last = server.newest + 1  # it may be under way already
        given = watched.read_until(lambda: "unavailable" in watched.kinds)
        assert watched.source.corrupt_frames == 10
        server.fault = ""
        watched.read_frames(1)

    assert all(read_number(frame.pixels) <= last for frame in given)
    assert watched.kinds == ["opened", "corrupt", "unavailable", "opened"]
    assert watched.events[2].text == "10 damaged pictures in a row; trying again in 0.05 s"


def test_a_picture_that_does_not_change_is_frozen_and_not_given_until_it_does(server):
    frozen_s = 1.0
    with watch(server, patience=replace(PATIENT, frozen_s=frozen_s)) as watched:
        watched.read_frames(3)
        server.fault = "frozen"
        before = watched.read_until(lambda: "frozen" in watched.kinds)
        *same, last = [frame for frame in before if read_number(frame.pixels) == 0]
        assert (
            0
            < same[-1].captured_at_s - same[0].captured_at_s
            < frozen_s
            <= last.captured_at_s - same[0].captured_at_s
        )
        assert [frame.is_frozen for frame in same] == [False] * len(same)
        assert last.is_frozen
        newest = server.newest
        server.wait_for(lambda: server.newest >= newest + 5)
        assert watched.source.read(0.2) is None
        server.fault = ""
        after = watched.read_frames(1)[0]

    assert watched.kinds == ["opened", "frozen", "moving"]
    assert watched.events[1].text == "the same picture for 1 s; waiting for a new one"
    assert watched.events[2].text == "the picture changes again"
    assert read_number(after.pixels) > newest
    assert not after.is_frozen


def test_a_frozen_picture_ends_a_one_shot():
    patience = replace(PATIENT, frozen_s=0.2)
    with MjpegServer(fault="frozen") as server, watch(server, one_shot=True, patience=patience) as watched:
        with pytest.raises(Unavailable, match=r"the same picture for 0.2 s; switch the camera off and on"):
            watched.read_until(lambda: False)
        assert watched.source.pid is None


def test_six_deaths_in_a_minute_are_told_once_and_each_of_them_too(server):
    patience = replace(PATIENT, first_pause_s=0.01, longest_pause_s=0.08, healthy_s=600)
    with watch(server, patience=patience) as watched:
        for deaths in range(1, 9):
            os.kill(watched.source.pid, signal.SIGKILL)
            watched.read_until(lambda: watched.kinds.count("restarted") == deaths)  # noqa: B023

    died = [event.text for event in watched.events if event.kind == "died"]
    assert [text.rpartition("in ")[2] for text in died] == [
        f"{pause_s:g} s" for pause_s in (0.01, 0.02, 0.04, 0.08, 0.08, 0.08, 0.08, 0.08)
    ]
    degraded = [event.text for event in watched.events if event.kind == "degraded"]
    assert degraded == [
        "the capture process crashed 6 times in 60 s; check the camera, its cable and its driver"
    ]
    kinds = [kind for kind in watched.kinds if kind != "opened"]
    assert kinds.index("degraded") == 2 * 5 + 1


def test_every_disconnection_is_one_reconnection(server):
    with watch(server) as watched:
        for disconnections in range(1, 6):
            watched.read_frames(1)
            server.close_streams()
            watched.read_until(lambda: watched.kinds.count("ended") == disconnections)  # noqa: B023
        watched.read_frames(1)

    assert watched.source.reconnects == 5
    assert server.connections == 6


@pytest.mark.timing
def test_a_camera_that_returns_is_seen_within_two_seconds():
    """With the patience that everybody gets."""
    with MjpegServer(fault="silent") as server, watch(server, patience=Patience()) as watched:
        watched.read_until(lambda: "stalled" in watched.kinds)
        assert watched.events[0].text == "no frame in 5 s; trying again in 1 s"
        server.fault = ""
        returned_at_s = time.monotonic()
        watched.read_frames(1)
        assert time.monotonic() - returned_at_s < 2


@pytest.mark.timing
def test_a_slow_reader_sees_each_picture_once_in_order_and_young():
    """Ten times slower than the camera: a picture's age when its label comes stays below one frame interval
    and the classification itself."""
    # No multiple of the interval: each picture would be as old as the first when it is taken, by chance.
    interval_s, classification_s = 0.04, 0.41
    with MjpegServer(rate_fps=1 / interval_s, size_px=(640, 480)) as server, watch(server) as watched:
        watched.read_frames(1)
        numbers, ages_s = [], []
        for _ in range(8):
            frame = watched.read_frames(1)[0]
            number = read_number(frame.pixels)
            time.sleep(classification_s)  # it stands for the work itself
            numbers.append(number)
            ages_s.append(time.monotonic() - server.sent_at_s[number])

    assert numbers == sorted(set(numbers))
    assert numbers[-1] - numbers[0] > 40
    assert sorted(ages_s)[4] < interval_s + classification_s
    assert max(ages_s) < 2 * interval_s + classification_s + 0.1  # on a machine that is busy


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
def test_leaving_is_quick_and_leaves_nothing(state, within):
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
            with within(1):
                watched.source.close()
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
from edgecls.edge_runtime.camera.sources.open import open_source

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
        ended = select.select([child], [], [], 60)[0]
        os.close(child)

    assert ended


def test_modules_in_the_current_folder_do_not_stand_in_for_ours(server, tmp_path, monkeypatch):
    for name in ("numpy", "json", "cv2", "edgecls"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    with watch(server, one_shot=True) as watched:
        assert watched.read_frames(1)


def test_the_process_loads_what_its_camera_needs_and_no_more():
    code = (
        "import sys; from edgecls.edge_runtime.camera.sources import capture_child; "
        "from edgecls.edge_runtime.camera.sources.network import mjpeg_http; "
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())

    assert "edgecls.edge_runtime.camera.sources.frame_slot" in loaded
    assert not loaded & {
        "onnxruntime",
        "ai_edge_litert",
        "typer",
        "numpy",
        "cv2",
        "tensorflow",
        "tempfile",
        "ctypes",
    }


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


def test_a_slow_camera_is_not_given_up():
    patience = replace(PATIENT, silence_s=0.5, second_frame_s=60.0)
    with MjpegServer(rate_fps=1) as server, watch(server, patience=patience) as watched:
        watched.read_frames(4)

    assert watched.kinds == ["opened"]


def test_a_camera_that_states_its_rate_is_given_up_earlier():
    """Cameras of this computer state it; the notice and the frame are one of theirs."""
    with MjpegServer(fault="silent") as server, watch(server) as watched:
        server.wait_for(lambda: server.connections == 1)
        watched.source.read(0)
        watched.now_has(replace(PATIENT, silence_s=0.2, second_frame_s=600.0))
        watched.source._note(CaptureNotice("opened", rate_fps=25.0))
        watched.source._accept(Frame(numbered_picture(1), 1, time.monotonic()))
        watched.read_until(lambda: "stalled" in watched.kinds)


def test_a_slow_link_is_not_given_up_while_bytes_arrive():
    with MjpegServer(rate_fps=20) as server, watch(server) as watched:
        watched.read_frames(5)
        watched.now_has(replace(PATIENT, silence_s=2.0))
        server.bytes_per_s = len(cv2.imencode(".jpg", numbered_picture(1))[1]) / 3.0  # seconds a picture
        newest = server.newest  # it may be under way already, at full speed
        frames = watched.read_until(lambda: server.newest > newest + 1)
        slow = frames[-1] if frames and read_number(frames[-1].pixels) > newest else watched.read_frames(1)[0]

    assert read_number(slow.pixels) > newest
    assert watched.kinds == ["opened"]


def test_a_camera_that_closes_its_streams_is_opened_again_at_once_for_ever():
    patience = replace(PATIENT, first_pause_s=0.2, longest_pause_s=600.0)  # doubled nine times: over a minute
    with MjpegServer(frames=2, rate_fps=100) as server, watch(server, patience=patience) as watched:
        watched.read_until(lambda: watched.kinds.count("ended") == 9)

    assert set(watched.kinds) == {"opened", "ended"}


def test_pauses_do_not_grow_for_a_camera_that_gives_pictures(server):
    with watch(server) as watched:
        for failures in range(1, 4):
            server.fault = ""
            watched.read_frames(1)
            server.fault = "noise"
            watched.read_until(lambda: watched.kinds.count("unavailable") == failures)  # noqa: B023

    texts = [event.text for event in watched.events if event.kind == "unavailable"]
    assert texts == ["10 damaged pictures in a row; trying again in 0.05 s"] * 3


def test_a_camera_that_does_not_answer_is_named():
    """A port whose queue is full drops whoever comes, as a router does for a host that is not there."""
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/"
        text = f"{url}: no answer; check the address, and that the camera is on; trying again in "
        with Watched(Stream(url), patience=QUICK) as watched:
            # On a busy machine, the first limit may be over before the process has begun to connect.
            watched.read_until(lambda: any(event.text.startswith(text) for event in watched.events))

    assert "stalled" in watched.kinds


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


RANDOM = np.random.default_rng(0)
JPEG = b"\xff\xd8" + RANDOM.bytes(1000)
PIXELS = RANDOM.integers(0, 256, (48, 64, 3), np.uint8)


def changes(*shown: tuple[float, np.ndarray | bytes]) -> list[tuple[float, bool]]:
    """When (in seconds) the state changed, and to what."""
    watch, given = FreezeDetector(DEFAULT_PATIENCE.frozen_s), []
    for sequence, (time_s, picture) in enumerate(shown, 1):
        if watch.update(Frame(picture, sequence, time_s)):
            given.append((time_s, watch.is_frozen))
    return given


@pytest.mark.parametrize("picture", [JPEG, PIXELS], ids=["JPEG", "pixels"])
def test_the_same_picture_is_frozen_after_ten_seconds_and_moves_with_the_next_other_one(picture):
    copies = [
        (1000 + second, picture.copy() if picture is PIXELS else bytes(picture)) for second in range(15)
    ]
    other = picture[::-1]

    assert changes(*copies, (1015, other), (1016, picture)) == [(1010, True), (1015, False)]


def test_a_single_byte_tells_pictures_apart():
    last_pixel = PIXELS.copy()
    last_pixel[-1, -1, -1] ^= 1

    assert changes(*[(second, [PIXELS, last_pixel][second % 2]) for second in range(30)]) == []
    assert changes(*[(second, [JPEG, JPEG[:-1] + b"\0"][second % 2]) for second in range(30)]) == []


def test_another_size_or_kind_is_another_picture():
    black = np.zeros((48, 64, 3), np.uint8)

    assert changes(*[(second, [black, black.reshape(64, 48, 3)][second % 2]) for second in range(30)]) == []
    assert changes(*[(second, [black, JPEG][second % 2]) for second in range(30)]) == []


def test_a_camera_that_renews_its_picture_each_minute_is_frozen_at_first_only():
    shown = [(second, JPEG[: 900 + second // 60]) for second in range(600)]

    assert changes(*shown) == [(10, True), (60, False)]


def test_a_camera_that_was_frozen_for_an_hour_is_watched_as_before():
    frozen = [(second, JPEG) for second in range(3600)]
    moving = [(3600 + tenth / 10, JPEG[: 900 + tenth]) for tenth in range(50)]
    again = [(3700 + second, JPEG[:800]) for second in range(12)]

    assert changes(*frozen, *moving, *again) == [(10, True), (3600, False), (3710, True)]


def test_the_limit_is_three_times_as_long_as_pictures_usually_stay():
    renewed = [(second, JPEG[: 900 + second // 60]) for second in range(0, 361, 20)]
    same = [(360 + second, JPEG[:906]) for second in (179, 180)]

    assert changes(*renewed, *same)[-1] == (540, True)


def test_two_pictures_far_apart_are_enough():
    assert changes((0, JPEG), (60, JPEG)) == [(60, True)]
