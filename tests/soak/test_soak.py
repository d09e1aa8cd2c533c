"""Months in half an hour: faults ten times as often as the worst of cameras has them.

pytest -m slow tests/soak --soak-minutes 30
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.event_lines import read_events
from tests.mjpeg_server import MjpegServer

pytestmark = pytest.mark.slow

RATE_FPS = 60
MOST_GROWTH_MB_PER_H = 1.0


@dataclass(frozen=True)
class Sample:
    """What a process holds at one moment."""

    time_s: float
    memory_mb: float
    """Resident, without what it shares with files."""
    descriptors: int
    threads: int


class Worn:
    """The program under test, as a process."""

    def __init__(self, url: str, model: Path, events: Path) -> None:
        self.events = events
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("program.py"), url, model, events],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.page = self._process.stdout.readline().strip()
        assert self.page.startswith("http://"), "it did not start"

    @property
    def captures(self) -> list[int]:
        """The ids of its capture processes: one, or none while it pauses."""
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        return [int(child) for task in tasks for child in task.read_text().split()]

    def sample(self) -> Sample:
        process = Path(f"/proc/{self._process.pid}")
        lines = (process / "status").read_text().splitlines()
        status = {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
        return Sample(
            time.monotonic(),
            int(status["RssAnon"][0]) / 1000,
            len(list((process / "fd").iterdir())),
            int(status["Threads"][0]),
        )

    def stop(self) -> dict:
        self._process.send_signal(signal.SIGTERM)
        output, _ = self._process.communicate(timeout=10)
        assert self._process.returncode == 0
        return json.loads(output)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    with MjpegServer(rate_fps=RATE_FPS, size_px=(320, 240)) as server:
        yield server


@pytest.fixture
def worn(server, tiny, tmp_path) -> Iterator[Worn]:
    model = next(path for path in tiny.files if path.name == "image_classification_int8.tflite")
    worn = Worn(server.url, model, tmp_path / "events.jsonl")
    yield worn
    worn.kill()


def pictures_come(server: MjpegServer, count: int = 5) -> None:
    """Waits until the camera is read again."""
    newest = server.newest
    server.wait_for(lambda: server.newest >= newest + count, timeout_s=20)


def disconnect(server: MjpegServer, _worn: Worn) -> None:
    server.close_streams()


def break_camera(fault: str, seconds: float) -> Callable[[MjpegServer, Worn], None]:
    def break_it(server: MjpegServer, _worn: Worn) -> None:
        server.fault = fault
        threading.Event().wait(seconds)  # a fault lasts; nothing tells when it was long enough
        server.fault = ""
        server.close_streams()

    return break_it


def send(number: int) -> Callable[[MjpegServer, Worn], None]:
    def send_it(_server: MjpegServer, worn: Worn) -> None:
        for capture in worn.captures:
            with suppress(ProcessLookupError):
                os.kill(capture, number)

    return send_it


def change_size(server: MjpegServer, _worn: Worn) -> None:
    server.size_px = (640, 480) if server.size_px == (320, 240) else (320, 240)


def watch_page(_server: MjpegServer, worn: Worn) -> None:
    """A viewer comes, looks at two pictures, and is gone without a word."""
    for path in ("", "live?viewer=soak", "live?viewer=soak"):
        with urllib.request.urlopen(worn.page + path, timeout=10) as answer:
            assert answer.read()


FAULTS: dict[str, tuple[int, Callable[[MjpegServer, Worn], None]]] = {
    "disconnect": (8, disconnect),
    "stalled": (1, break_camera("stalled", 1.5)),
    "silent": (1, break_camera("silent", 1.5)),
    "half": (1, break_camera("half", 0.5)),
    "noise": (1, break_camera("noise", 0.5)),
    "page in place of a stream": (1, break_camera("html", 0.5)),
    "killed": (2, send(signal.SIGKILL)),
    "stopped": (1, send(signal.SIGSTOP)),
    "resolution": (2, change_size),
    "viewer": (2, watch_page),
}
"""With how often each comes, relative to the others."""


def test_faults_without_end_cost_no_memory_no_descriptor_and_no_thread(server, worn, request):
    minutes = request.config.getoption("--soak-minutes")
    chance = random.Random(0)
    names, weights = list(FAULTS), [weight for weight, _ in FAULTS.values()]
    happened: Counter[str] = Counter()
    samples: list[Sample] = []
    end_s = time.monotonic() + minutes * 60
    pictures_come(server)
    while time.monotonic() < end_s:
        (name,) = chance.choices(names, weights)
        happened[name] += 1
        FAULTS[name][1](server, worn)
        pictures_come(server)
        samples.append(worn.sample())
    report = worn.stop()

    print(f"\n{sum(happened.values())} faults in {minutes} minutes: {dict(happened)}")
    print(f"{report['frames']} frames, {report['reconnects']} reconnects")
    # The rest is warm-up: the summary keeps the times of 10,000 frames, which have to come first.
    steady = samples[len(samples) * 2 // 5 :]
    growth = growth_mb_per_h(steady)
    kept = [sample.memory_mb for sample in steady]
    print(f"memory {min(kept):.1f} to {max(kept):.1f} MB, {growth:+.2f} MB an hour")
    print("MB, in ten parts of the whole time:", *(f"{part:.2f}" for part in tenths(samples)))
    for what in ("descriptors", "threads"):
        print(f"{what}: {sorted(Counter(getattr(sample, what) for sample in steady).items())}")

    # While a viewer is leaving, or a capture is between two lives, there may be some fewer or more.
    assert level(steady[-50:], "descriptors") == level(steady[:50], "descriptors")
    assert level(steady[-50:], "threads") == level(steady[:50], "threads")
    history = read_events(worn.events)
    assert not history.skipped
    assert [event.sequence for event in history.events] == list(range(1, len(history.events) + 1))
    assert history.events[-1].kind == "stopped"
    assert growth <= MOST_GROWTH_MB_PER_H


def test_a_thousand_disconnects_make_a_thousand_reconnects(server, worn):
    pictures_come(server)
    for _ in range(1000):
        connections = server.connections
        server.close_streams()
        server.wait_for(lambda before=connections: server.connections > before, timeout_s=20)
        pictures_come(server, count=2)
    report = worn.stop()

    assert report["reconnects"] == 1000
    assert server.connections == 1001


def level(samples: list[Sample], what: str) -> int:
    """The usual number: the most frequent one."""
    return Counter(getattr(sample, what) for sample in samples).most_common(1)[0][0]


def tenths(samples: list[Sample]) -> list[float]:
    """The median memory of each tenth of the samples."""
    parts = np.array_split([sample.memory_mb for sample in samples], 10)
    return [float(np.median(part)) for part in parts if len(part)]


def growth_mb_per_h(samples: list[Sample]) -> float:
    """The slope of a straight line through all samples."""
    hours = np.array([sample.time_s for sample in samples]) / 3600
    return float(np.polyfit(hours - hours[0], [sample.memory_mb for sample in samples], 1)[0])
