"""What actions and brokers that hang cost the loop: cameras side by side, with all of these and without."""

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
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from edgecls.benchmarks.frames import VGA, camera_frames, write_frames
from edgecls.edge_runtime.text_table import table

from .frame_age import RATE_FPS, camera_server

CHANGE_EVERY = 5
"""Frames from one picture to the other."""
_WARM_UP_FRAMES = 150
_BROKER = "mqtt://127.0.0.1"


@dataclass(frozen=True)
class Load:
    """How a camera fared whose actions all hang, beside one without any, at the same time."""

    name: str
    """What became of its broker."""
    fps: tuple[tuple[float, float], ...]
    """Of each round: without actions, and with them."""
    age_p50_ms: tuple[tuple[float, float], ...]
    age_p95_ms: tuple[tuple[float, float], ...]
    memory_mb: tuple[float, float]
    """After the warm-up and at the end."""
    threads: tuple[int, int]
    """As `memory_mb`."""
    ended_s: float
    """From SIGTERM to the end."""
    failures_told: int
    """Lines about an output that fails; each output has one until it works."""
    deliveries: str
    """What the summary says of them."""


@dataclass(frozen=True)
class LoadReport:
    """What was measured."""

    loads: tuple[Load, ...]
    alone_ended_s: float
    """As `Load.ended_s`, of the camera without actions."""
    full_disk: bool
    """Whether the events went to a full disk."""


def measure_load(
    pictures: Sequence[object], rounds: int, seconds: float, on_step: Callable[[str], None]
) -> LoadReport:
    """Runs three real cameras of one stream: one alone, and two whose actions and broker all hang.

    Args:
        pictures: uint8 (H, W, 3) BGR, which take turns; the built-in nano gives them different labels.
        rounds: in each of which all are measured at the same time.
        seconds: of each round.
        on_step: called with what is done now.
    """
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        url = opened.enter_context(_stream(pictures, folder))
        disk = opened.enter_context(_full_disk(folder))
        silent = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=500)).getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as closed:
            down = closed.getsockname()[1]
        hook = f"webhook,limit=2s,picture:http://127.0.0.1:{silent}/"
        hanging = [hook, "run:sleep 1000", "run,busy=restart:sleep 1000", "sh,limit=1s:yes"]
        on = [word for action in hanging for word in ("--on", "any", action)]
        alone = opened.enter_context(_Camera(url, ["--events", str(folder / "events.jsonl")]))
        loaded = {
            name: opened.enter_context(
                _Camera(
                    url, [*on, "--events", f"{disk or folder}/{port}.jsonl", "--mqtt", f"{_BROKER}:{port}"]
                )
            )
            for name, port in (("a broker that is down", down), ("a broker that never answers", silent))
        }
        loads, alone_ended_s = _compared(alone, loaded, rounds, seconds, on_step)
        return LoadReport(loads, alone_ended_s, disk is not None)


def measure_inbox(
    pictures: Sequence[object], rounds: int, seconds: float, on_step: Callable[[str], None]
) -> Load:
    """Runs two real cameras of one stream: one alone, and one with an inbox; arguments as `measure_load`."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        url = opened.enter_context(_stream(pictures, folder))
        alone = opened.enter_context(_Camera(url, []))
        inbox = opened.enter_context(_Camera(url, ["--inbox", str(folder / "inbox")]))
        (load,), _ = _compared(alone, {"without / with an inbox": inbox}, rounds, seconds, on_step)
        return load


@contextmanager
def _stream(pictures: Sequence[object], folder: Path) -> Generator[str]:
    """Serves pictures that take turns; gives the address."""
    frames = folder / "frames"
    shown = [pictures[at // CHANGE_EVERY % 2] for at in range(2 * CHANGE_EVERY)]
    write_frames(frames, camera_frames(cast("list[object]", shown), VGA, len(shown)))  # pyright: ignore[reportArgumentType]
    with camera_server(frames, RATE_FPS) as url:
        yield url


def _compared(
    alone: "_Camera",
    loaded: "dict[str, _Camera]",
    rounds: int,
    seconds: float,
    on_step: Callable[[str], None],
) -> tuple[tuple[Load, ...], float]:
    """Compares cameras with one alone, and ends them; also returns how long that one took to end."""
    cameras = [alone, *loaded.values()]
    on_step("warming up ...")
    while min(camera.count() for camera in cameras) < _WARM_UP_FRAMES:
        time.sleep(0.1)
    began = [(camera.memory_mb(), camera.threads()) for camera in cameras]
    figures: list[list[_Figures]] = []
    for number in range(rounds):
        on_step(f"round {number + 1} of {rounds} ...")
        figures.append(_round(cameras, seconds))
    ended = [(camera.memory_mb(), camera.threads()) for camera in cameras]
    ended_s = [camera.end() for camera in cameras]
    loads = tuple(
        Load(
            name,
            fps=tuple((each[0].fps, each[at].fps) for each in figures),
            age_p50_ms=tuple((each[0].age_p50_ms, each[at].age_p50_ms) for each in figures),
            age_p95_ms=tuple((each[0].age_p95_ms, each[at].age_p95_ms) for each in figures),
            memory_mb=(began[at][0], ended[at][0]),
            threads=(began[at][1], ended[at][1]),
            ended_s=ended_s[at],
            failures_told=camera.failures_told(),
            deliveries=camera.deliveries(),
        )
        for at, (name, camera) in enumerate(loaded.items(), 1)
    )
    return loads, ended_s[0]


def render(report: LoadReport) -> str:
    """Returns the figures for people."""
    waits = "a full disk for the events" if report.full_disk else "no full disk (only root can make one)"
    lines = [f"without / with a webhook that hangs, commands that sleep or write without end, {waits}, and:"]
    for load in report.loads:
        lines += ["", *load_lines(load)]
    return "\n".join([*lines, "", f"SIGTERM to the end without actions: {report.alone_ended_s:.2f} s"])


def load_lines(load: Load) -> list[str]:
    """Returns the figures of one camera for people."""
    rows = [
        (
            str(number),
            f"{fps[0]:.2f} / {fps[1]:.2f}",
            f"{fps[1] / fps[0] - 1:+.2%}",
            f"{p50[0]:.2f} / {p50[1]:.2f}",
            f"{p50[1] - p50[0]:+.2f}",
            f"{p95[0]:.2f} / {p95[1]:.2f}",
        )
        for number, (fps, p50, p95) in enumerate(
            zip(load.fps, load.age_p50_ms, load.age_p95_ms, strict=True), 1
        )
    ]
    slower = statistics.median(loaded / alone - 1 for alone, loaded in load.fps)
    older_ms = statistics.median(loaded - alone for alone, loaded in load.age_p50_ms)
    return [
        load.name,
        table(("round", "frames/s", "change", "age p50 ms", "change ms", "age p95 ms"), rows),
        f"median change: {slower:+.2%} frames a second, {older_ms:+.2f} ms of age",
        f"memory: {load.memory_mb[0]:.1f} MB, then {load.memory_mb[1]:.1f} MB; "
        f"threads: {load.threads[0]}, then {load.threads[1]}; SIGTERM to the end: {load.ended_s:.2f} s",
        f"{load.failures_told} events of failures; {load.deliveries or 'no actions counted'}",
    ]


@dataclass(frozen=True)
class _Figures:
    """Of one camera in one round."""

    fps: float
    age_p50_ms: float
    age_p95_ms: float


def _round(cameras: "Sequence[_Camera]", seconds: float) -> list[_Figures]:
    first = [camera.count() for camera in cameras]
    time.sleep(seconds)
    done: list[_Figures] = []
    for camera, before in zip(cameras, first, strict=True):
        seen = camera.since(before)
        ages_ms = sorted(age_ms for _, age_ms in seen)
        fps = (len(seen) - 1) / (seen[-1][0] - seen[0][0])
        done.append(_Figures(fps, statistics.median(ages_ms), ages_ms[int(0.95 * len(ages_ms))]))
    return done


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

    def failures_told(self) -> int:
        """How many lines say that an output, or the disk of the events, fails."""
        return sum("trying again in" in line or "disk is full" in line for line in self._said.splitlines())

    def deliveries(self) -> str:
        """What its summary says of its actions, all together."""
        found = (line for line in self._said.splitlines() if line.startswith("actions: "))
        return next(found, "")


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
