"""What systemd hears of a camera loop, on a real socket."""

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.event import Event, EventKind
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.camera.outputs.systemd import (
    CHANGE_S,
    NOTIFY_S,
    SILENT_S,
    ServiceManager,
    ServiceSink,
    service_manager,
)
from edgecls.edge_runtime.prediction import Prediction
from tests.fakes import LABELS, Clock, FakeSource, answer, fake_classifier, frames


class Manager:
    """A service manager that only listens."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """The lines that came since."""
        lines: list[str] = []
        while True:
            try:
                lines += self._socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return lines

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(str(tmp_path / "notify"))
    yield listening
    listening.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sink(manager: Manager, clock: Clock) -> Iterator[ServiceSink]:
    telling = ServiceSink(ServiceManager(manager.address, watchdog_s=60), clock)
    yield telling
    telling.close()


def seen(label: str = "cat"):
    order = (label, *(other for other in LABELS if other != label))
    ranking = tuple(zip(order, (0.9, 0.06, 0.04), strict=True))
    return answer(frames(1)[0], Prediction(ranking, label))


# What is sent


def test_it_is_ready_when_the_loop_first_turns_and_only_then(sink: ServiceSink, manager: Manager):
    sink.event(Event("unavailable", "no such camera; trying again in 1 s"))
    assert manager.heard() == []
    sink.idle()
    assert manager.heard() == [
        "READY=1",
        "WATCHDOG=1",
        "STATUS=waiting for the camera: no such camera; trying again in 1 s",
    ]
    sink.idle()
    assert manager.heard() == []


def test_the_status_is_the_newest_answer_now_and_then(sink: ServiceSink, manager: Manager, clock: Clock):
    sink.write(seen("cat"))
    assert manager.heard()[-1].startswith("STATUS=cat 90.0%")
    clock.now_s += NOTIFY_S - 0.01
    sink.write(seen("dog"))
    assert manager.heard() == []
    clock.now_s += 0.01
    sink.idle()
    sign, status = manager.heard()
    assert sign == "WATCHDOG=1"
    assert status.startswith("STATUS=dog 90.0%")


def test_that_the_camera_went_or_came_is_told_soon(sink: ServiceSink, manager: Manager, clock: Clock):
    sink.write(seen("cat"))
    sink.event(Event("stalled", "no frame in 5 s"))
    sink.idle()
    assert len(manager.heard()) == 3  # the first alone
    clock.now_s += CHANGE_S
    sink.idle()
    assert manager.heard()[-1] == "STATUS=waiting for the camera: no frame in 5 s"
    clock.now_s += CHANGE_S
    sink.write(seen("cat"))
    assert manager.heard()[-1].startswith("STATUS=cat")


def test_a_status_is_one_line_whatever_a_source_says(sink: ServiceSink, manager: Manager):
    sink.event(Event("unavailable", "gone\nREADY=0"))
    sink.idle()
    assert manager.heard()[-1] == r"STATUS=waiting for the camera: gone\nREADY=0"


def test_closing_says_so_once(sink: ServiceSink, manager: Manager):
    sink.close()
    sink.close()
    assert manager.heard() == ["STOPPING=1"]


def test_a_short_watchdog_gets_three_signs_in_its_time(manager: Manager, clock: Clock):
    sink = ServiceSink(ServiceManager(manager.address, watchdog_s=3), clock)
    for _ in range(30):
        sink.idle()
        clock.now_s += 0.1
    sink.close()
    assert manager.heard().count("WATCHDOG=1") == 3


# Signs of life


@pytest.fixture
def idle_for(sink: ServiceSink, manager: Manager, clock: Clock) -> Callable[[float], list[str]]:
    """Lets the loop idle for so many seconds; gives what was heard with each turn."""

    def idle(seconds: float) -> list[str]:
        lines = []
        for _ in range(int(seconds / NOTIFY_S)):
            clock.now_s += NOTIFY_S
            sink.idle()
            lines += manager.heard()
        return lines

    return idle


def test_a_camera_that_is_away_for_a_day_restarts_nothing(sink: ServiceSink, idle_for):
    idle_for(NOTIFY_S)
    for _ in range(24 * 60):
        sink.event(Event("unavailable", "no such camera"))
        assert idle_for(60).count("WATCHDOG=1") == 60 / NOTIFY_S


def test_a_loop_that_idles_without_a_word_of_its_source_is_given_up(sink: ServiceSink, idle_for):
    sink.write(seen())
    assert idle_for(SILENT_S - NOTIFY_S)[-2] == "WATCHDOG=1"
    sink.event(Event("throttled", "hot"))  # the loop's own, not the source's
    assert idle_for(NOTIFY_S) == ["STATUS=no frame and no event of the source for 300 s"]
    sink.write(seen())
    assert idle_for(NOTIFY_S)[0] == "WATCHDOG=1"


def test_a_frozen_camera_may_be_quiet_until_it_says_something_else(sink: ServiceSink, idle_for):
    sink.write(seen())
    sink.event(Event("frozen", "the same picture for 10 s; waiting for another"))
    answer = seen()
    sink.write(replace(answer, frame=replace(answer.frame, is_frozen=True)))  # which withdraws its label
    assert idle_for(10 * SILENT_S)[-2:] == [
        "WATCHDOG=1",
        "STATUS=waiting for the camera: the same picture for 10 s; waiting for another",
    ]
    sink.event(Event("stalled", "no frame in 5 s"))
    idle_for(SILENT_S)
    assert "WATCHDOG=1" not in idle_for(NOTIFY_S)


def test_a_pause_may_last(sink: ServiceSink, idle_for):
    sink.write(seen())
    sink.event(Event("paused", "paused by MQTT: nothing is classified"))
    assert idle_for(10 * SILENT_S)[-2:] == ["WATCHDOG=1", "STATUS=paused by MQTT: nothing is classified"]
    sink.event(Event("resumed", "resumed by MQTT"))
    assert idle_for(NOTIFY_S)[-1] == "STATUS=waiting for the camera"
    idle_for(SILENT_S)
    assert "WATCHDOG=1" not in idle_for(NOTIFY_S)


@pytest.mark.parametrize("kind", ["corrupt", "invalid_output"])
def test_frames_that_all_fail_are_no_life(sink: ServiceSink, idle_for, kind: EventKind):
    sink.event(Event(kind, "bad"))
    idle_for(SILENT_S)
    assert "WATCHDOG=1" not in idle_for(NOTIFY_S)


def test_a_manager_that_is_busy_or_gone_holds_nothing_up(manager: Manager, clock: Clock):
    sink = ServiceSink(ServiceManager(manager.address, watchdog_s=3), clock)
    for _ in range(1000):  # more than the socket takes
        sink.write(seen())
        clock.now_s += 1
    manager.close()
    sink.write(seen())
    sink.close()


def test_a_loop_tells_its_whole_life(manager: Manager):
    sink = ServiceSink(ServiceManager(manager.address))
    Loop(fake_classifier([0.9, 0.06, 0.04]), [sink], max_frames=3).run(FakeSource(frames(3), live=True))
    names = [line.partition("=")[0] for line in manager.heard()]
    assert names == ["READY", "WATCHDOG", "STATUS", "STOPPING"]


# To whom it is sent


def test_an_address_may_be_a_name_without_a_file(clock: Clock):
    manager = Manager(f"@edgecls-test-{os.getpid()}")
    sink = ServiceSink(ServiceManager(manager.address), clock)
    sink.idle()
    assert manager.heard()[0] == "READY=1"
    sink.close()
    manager.close()


def test_the_environment_tells_of_the_manager_and_keeps_nothing_for_children():
    environ = {
        "NOTIFY_SOCKET": "/run/n",
        "WATCHDOG_USEC": "60000000",
        "WATCHDOG_PID": str(os.getpid()),
        "A": "b",
    }
    assert service_manager(environ) == ServiceManager("/run/n", watchdog_s=60)
    assert environ == {"A": "b"}


@pytest.mark.parametrize(
    ("environ", "manager"),
    [
        ({}, None),
        ({"NOTIFY_SOCKET": ""}, None),
        ({"NOTIFY_SOCKET": "vsock:2:1234"}, None),
        ({"NOTIFY_SOCKET": "@n"}, ServiceManager("@n")),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "0"}, ServiceManager("/n")),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "soon"}, ServiceManager("/n")),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1000000"}, ServiceManager("/n", watchdog_s=1)),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}, ServiceManager("/n")),
    ],
)
def test_only_a_watchdog_that_is_ours_counts(environ: dict[str, str], manager: ServiceManager | None):
    assert service_manager(environ) == manager
