"""`edgecls camera --serve` as a real process: its options, and what fifty viewers do to its loop."""

import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from ..edge_runtime.page.slow_viewers import SlowViewers

MEGABYTE = 1 << 20
SESAME = "sesame-open-12345"


class Camera:
    """A camera with a page, whose lines of JSON are counted as they come."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        command = [sys.executable, "-m", "edgecls.cli", "camera", "--source", "demo", "--json", *arguments]
        self.process = subprocess.Popen(
            command, cwd=folder, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.answered_at_s: list[float] = []
        self._answered = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self.process.stderr
        self.said = self.process.stderr.readline().decode()

    @property
    def url(self) -> str:
        found = re.search(r"http://\S+", self.said)
        assert found, self.said
        return found[0]

    @property
    def memory_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    def wait_for_answers(self, count: int) -> None:
        """Waits until there are so many more."""
        enough = len(self.answered_at_s) + count
        with self._answered:
            assert self._answered.wait_for(lambda: len(self.answered_at_s) >= enough, 60 + count)

    def interval_s(self, seconds: int) -> float:
        """The median time between answers over the next seconds; a mean would count what others do here."""
        first, enough = len(self.answered_at_s), seconds * 30
        self.wait_for_answers(enough)
        times_s = self.answered_at_s[first : first + enough]
        return statistics.median(after - before for before, after in pairwise(times_s))

    def _read(self) -> None:
        assert self.process.stdout
        for _ in self.process.stdout:
            with self._answered:
                self.answered_at_s.append(time.monotonic())
                self._answered.notify_all()


@pytest.fixture
def camera(tiny) -> Iterator[Callable[..., Camera]]:
    started: list[Camera] = []

    def run(*arguments: str, **environment: str) -> Camera:
        started.append(Camera(tiny.folder, *arguments, **environment))
        return started[-1]

    yield run
    for each in started:
        each.process.kill()
        each.process.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_serve_alone_takes_the_default_and_what_follows_is_an_option(run_here, tmp_path):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # where another program has the port, it is in use as well
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        for arguments in (
            ["--serve"],
            ["--serve", "--json"],
            ["--serve", "127.0.0.1:8080"],
            ["--serve=:8080"],
        ):
            done = run_here("camera", "--source", "demo", "--once", *arguments, cwd=tmp_path)
            assert done.returncode == 69
            assert done.stderr == (
                "edgecls: error: port 8080 is in use; choose another with --serve HOST:PORT\n"
            )


def test_a_port_in_use_does_not_end_an_unattended_loop(camera):
    """Row 49."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        running = camera("--serve", f":{port}")
        running.wait_for_answers(30)
        assert running.said.startswith("model: ")
        said = [running.process.stderr.readline().decode() for _ in range(2)]
        assert f"camera: page: port {port} is in use; trying again in 1 s\n" in said
    while "page: http" not in running.said:
        running.said = running.process.stderr.readline().decode()
    with urllib.request.urlopen(running.url, timeout=60) as reply:
        assert b"<title>edgecls</title>" in reply.read()


def test_beyond_loopback_it_is_refused_without_a_token(run_here, tmp_path):
    done = run_here("camera", "--source", "demo", "--serve", ":::0", cwd=tmp_path)
    assert done.returncode == 2
    done = run_here("camera", "--source", "demo", "--serve", "0.0.0.0:0", cwd=tmp_path)
    assert done.returncode == 78
    assert "--token" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_token_comes_from_the_environment_and_stays_out_of_a_log(camera):
    running = camera("--serve", "127.0.0.1:0", EDGECLS_TOKEN=SESAME)
    assert running.said == f"page: {running.url} (asks for the token)\n"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(running.url, timeout=60)
    with urllib.request.urlopen(f"{running.url}?token={SESAME}", timeout=60) as reply:
        assert b"<title>edgecls</title>" in reply.read()


def test_a_signal_ends_it_in_time_while_somebody_watches(camera, within):
    running = camera("--serve", ":0")
    running.wait_for_answers(30)
    address = running.url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((address[0], int(address[1]))) as viewer:
        viewer.sendall(b"GET /live?viewer=a&shot=1000000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        with within(3):
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(timeout=60) == 0


def port_of(camera: Camera) -> int:
    return int(camera.url.rstrip("/").rpartition(":")[2])


def are_four_served_and_the_others_told_to_wait(viewers: SlowViewers) -> bool:
    served, statuses = viewers.served, dict(viewers.statuses)
    refused = [statuses[viewer] for viewer in statuses if viewer not in served]
    return len(statuses) == 50 and len(served) == 4 and all(each == {503} for each in refused)


def test_of_fifty_slow_viewers_four_are_served_and_memory_stays(camera):
    running = camera("--serve", ":0")
    running.wait_for_answers(30)
    before_bytes = running.memory_bytes
    with SlowViewers(port_of(running)) as viewers:
        running.wait_for_answers(30)
        viewers.wait_for(lambda: len(viewers.statuses) == 50)
        during_bytes = running.memory_bytes
    assert are_four_served_and_the_others_told_to_wait(viewers)
    assert during_bytes - before_bytes <= 20 * MEGABYTE


@pytest.mark.parametrize(
    "seconds", [pytest.param(4, marks=pytest.mark.timing), pytest.param(300, marks=pytest.mark.slow)]
)
def test_fifty_slow_viewers_cost_the_loop_next_to_nothing(camera, seconds):
    running = camera("--serve", ":0")
    running.interval_s(1)
    before_s, before_bytes = running.interval_s(min(seconds, 60)), running.memory_bytes
    with SlowViewers(port_of(running)) as viewers:
        during_s, during_bytes = running.interval_s(seconds), running.memory_bytes
    assert are_four_served_and_the_others_told_to_wait(viewers)
    assert before_s / during_s >= 0.95
    assert during_bytes - before_bytes <= 20 * MEGABYTE
