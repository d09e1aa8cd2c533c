"""What actions that hang cost the camera loop: two cameras side by side, one of them with all of these."""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, cast

from edgecls.benchmarks.frames import VGA, camera_frames, write_frames
from edgecls.edge_runtime.text_table import table

from .frame_age import RATE_FPS, camera_server

CHANGE_EVERY = 5
"""Frames from one picture to the other."""
_WARM_UP_FRAMES = 150


@dataclass(frozen=True)
class Round:
    """How both cameras fared at the same time."""

    fps: tuple[float, float]
    """Without actions, and with them."""
    age_p50_ms: tuple[float, float]
    age_p95_ms: tuple[float, float]


@dataclass(frozen=True)
class LoadReport:
    """What was measured."""

    rounds: tuple[Round, ...]
    memory_mb: tuple[float, float]
    """Of the camera with actions, after the warm-up and at the end."""
    threads: tuple[int, int]
    """As `memory_mb`."""
    ended_s: tuple[float, float]
    """From SIGTERM to the end, without actions and with them."""
    deliveries: tuple[dict[str, object], ...]
    full_disk: bool
    """Whether its events went to a full disk."""


def measure_load(
    pictures: Sequence[object], rounds: int, seconds: float, on_step: Callable[[str], None]
) -> LoadReport:
    """Runs two real cameras of one stream: one alone, and one whose actions all hang.

    Args:
        pictures: uint8 (H, W, 3) BGR, which take turns; the built-in nano gives them different labels.
        rounds: in each of which both are measured at the same time.
        seconds: of each round.
        on_step: called with what is done now.
    """
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        frames = folder / "frames"
        shown = [pictures[at // CHANGE_EVERY % 2] for at in range(2 * CHANGE_EVERY)]
        write_frames(frames, camera_frames(cast("list[object]", shown), VGA, len(shown)))  # pyright: ignore[reportArgumentType]
        url = opened.enter_context(camera_server(frames, RATE_FPS))
        silent = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=500))
        disk = opened.enter_context(_full_disk(folder))
        hook = f"webhook,limit=2s,picture:http://127.0.0.1:{silent.getsockname()[1]}/"
        hanging = [hook, "run:sleep 1000", "run,busy=restart:sleep 1000", "sh,limit=1s:yes"]
        on = [word for action in hanging for word in ("--on", "any", action)]
        log = folder / "events.jsonl"
        events = ["--events", str((disk or folder) / "events.jsonl"), *on]
        cameras = [opened.enter_context(_Camera(url, more)) for more in (["--events", str(log)], events)]
        on_step("warming up ...")
        while min(camera.count() for camera in cameras) < _WARM_UP_FRAMES:
            time.sleep(0.1)
        loaded = cameras[1]
        memory, threads = [loaded.memory_mb()], [loaded.threads()]
        done: list[Round] = []
        for number in range(rounds):
            on_step(f"round {number + 1} of {rounds} ...")
            done.append(_round(cameras, seconds))
        memory.append(loaded.memory_mb())
        threads.append(loaded.threads())
        ended_s = [camera.end() for camera in cameras]
        return LoadReport(
            tuple(done),
            (memory[0], memory[1]),
            (threads[0], threads[1]),
            (ended_s[0], ended_s[1]),
            tuple(loaded.deliveries()),
            disk is not None,
        )


def render(report: LoadReport) -> str:
    """Returns the figures for people."""
    rows = [
        (
            str(number),
            f"{each.fps[0]:.2f} / {each.fps[1]:.2f}",
            f"{each.fps[1] / each.fps[0] - 1:+.2%}",
            f"{each.age_p50_ms[0]:.2f} / {each.age_p50_ms[1]:.2f}",
            f"{each.age_p50_ms[1] - each.age_p50_ms[0]:+.2f}",
            f"{each.age_p95_ms[0]:.2f} / {each.age_p95_ms[1]:.2f}",
        )
        for number, each in enumerate(report.rounds, 1)
    ]
    slower = statistics.median(each.fps[1] / each.fps[0] - 1 for each in report.rounds)
    older_ms = statistics.median(each.age_p50_ms[1] - each.age_p50_ms[0] for each in report.rounds)
    head = ("round", "frames/s", "change", "age p50 ms", "change ms", "age p95 ms")
    waits = "a full disk for the events" if report.full_disk else "no full disk (only root can make one)"
    counts = [
        f"{each['done']} done, {each['failed']} failed, {each['dropped']} dropped"
        for each in report.deliveries
    ]
    return "\n".join(
        [
            f"without / with a webhook that hangs, commands that sleep or write without end, {waits}",
            table(head, rows),
            f"median change: {slower:+.2%} frames a second, {older_ms:+.2f} ms of age",
            f"memory: {report.memory_mb[0]:.1f} MB, then {report.memory_mb[1]:.1f} MB; "
            f"threads: {report.threads[0]}, then {report.threads[1]}",
            f"SIGTERM to the end: {report.ended_s[0]:.2f} s / {report.ended_s[1]:.2f} s",
            f"actions: {'; '.join(counts) or 'not counted'}",
        ]
    )


def _round(cameras: "Sequence[_Camera]", seconds: float) -> Round:
    first = [camera.count() for camera in cameras]
    time.sleep(seconds)
    fps: list[float] = []
    p50: list[float] = []
    p95: list[float] = []
    for camera, before in zip(cameras, first, strict=True):
        seen = camera.since(before)
        ages_ms = sorted(age_ms for _, age_ms in seen)
        gaps_s = [after[0] - one[0] for one, after in pairwise(seen)]
        fps.append(len(gaps_s) / sum(gaps_s))
        p50.append(statistics.median(ages_ms))
        p95.append(ages_ms[int(0.95 * len(ages_ms))])
    return Round((fps[0], fps[1]), (p50[0], p50[1]), (p95[0], p95[1]))


class _Camera:
    """A camera whose lines of JSON are read as they come."""

    def __init__(self, url: str, more: Sequence[str]) -> None:
        self._command = [sys.executable, "-m", "edgecls.cli", "camera", "--source", url, "--model", "nano"]
        self._command += ["--json", "--headless", "--smooth", "0", "--hold", "0", "--conf", "0", *more]
        self._lock = threading.Lock()
        self._seen: list[tuple[float, float]] = []  # when a line came, and the age of its frame in ms
        self._said = ""

    def __enter__(self) -> "_Camera":
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, stdout=pipe, stderr=pipe, text=True)
        threads = (self._read, self._process.stdout), (self._hear, self._process.stderr)
        for target, stream in threads:
            threading.Thread(target=target, args=(stream,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self, stdout: IO[str]) -> None:
        for line in stdout:
            seen = time.monotonic(), float(json.loads(line)["age_ms"])
            with self._lock:
                self._seen.append(seen)

    def _hear(self, stderr: IO[str]) -> None:
        for line in stderr:
            self._said += line

    def count(self) -> int:
        """How many frames were answered."""
        with self._lock:
            return len(self._seen)

    def since(self, first: int) -> list[tuple[float, float]]:
        """Those after the first so many."""
        with self._lock:
            return self._seen[first:]

    def memory_mb(self) -> float:
        """What the loop's process holds."""
        return int(self._status("VmRSS")) / 1000

    def threads(self) -> int:
        """Of the loop's process."""
        return int(self._status("Threads"))

    def _status(self, name: str) -> str:
        lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))

    def end(self) -> float:
        """Seconds from SIGTERM to its end."""
        asked_s = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        return time.monotonic() - asked_s

    def deliveries(self) -> Iterator[dict[str, object]]:
        """What its summary says of its actions, all together."""
        for line in self._said.splitlines():
            if line.startswith("actions: "):
                words = line.removeprefix("actions: ").split(", ")
                found = {name: count for count, name in (word.split() for word in words)}
                yield {name: found.get(name, "0") for name in ("done", "failed", "dropped")}


@contextmanager
def _full_disk(folder: Path) -> Generator[Path | None]:
    """A full disk of a few kilobytes; None for who may not mount one."""
    place = folder / "full"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        (place / "filler").write_bytes(bytes(16_384))
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)
