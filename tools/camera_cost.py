"""The cost of a camera program: processor time, memory, and the time to its first label."""

import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edgecls.benchmarks.turns import take_turns
from edgecls.edge_runtime.errors import BadModel

from .frame_age import camera_server
from .pipeline_report import (
    IdleReport,
    IdleRun,
)
from .process_cost import cpu_s, family_of, memory_use

IDLE_RATE_FPS = 30.0
_IDLE_LIMIT_S = 60.0
_END_S = 5.0


def measure_idle_cost(
    model: Path,
    naive_model: Path | None,
    frames: Path,
    window_s: float,
    *,
    on_step: Callable[[str], None],
    rounds: int = 3,
) -> IdleReport:
    """Runs `edgecls camera` and the naive program in turns against a camera on loopback, several times each.

    Args:
        model: what `edgecls camera` runs.
        naive_model: what the naive program runs; None leaves it out.
        frames: a `FrameFile` of what the camera shows; the camera's own work is not counted.
        window_s: how long the processor time of one run is counted.
        on_step: called with what is being done.
        rounds: how often each program runs.

    Raises:
        BadModel: a program ended before it was asked to.
    """
    ours: list[IdleRun] = []
    naive: list[IdleRun] = []
    with camera_server(frames, IDLE_RATE_FPS) as url:

        def runs_of(name: str, command: Sequence[str], runs: list[IdleRun]) -> Generator[None]:
            for number in range(rounds):
                on_step(f"idle cost {number + 1} of {rounds}: {name}")
                runs.append(run_program(command, window_s))
                yield

        programs = [runs_of("edgecls camera", _camera_command(url, model), ours)]
        if naive_model is not None:
            programs.append(runs_of("the naive program", _naive_command(url, naive_model), naive))
        take_turns(programs)
    return IdleReport(IDLE_RATE_FPS, tuple(ours), tuple(naive))


def _camera_command(url: str, model: Path) -> list[str]:
    camera = ["camera", "--source", url, "--model", str(model), "--headless", "--json"]
    return [sys.executable, "-P", "-m", "edgecls.cli", *camera]


def _naive_command(url: str, model: Path) -> list[str]:
    return [sys.executable, "-P", "-m", f"{__package__}.naive_camera", url, str(model)]


def run_program(command: Sequence[str], window_s: float, settles_s: float = 1.0) -> IdleRun:
    """Starts a program that writes a line for each label, and counts what a window of its life costs.

    Args:
        command: the program and its arguments.
        window_s: how long its processor time is counted.
        settles_s: how long after its first label that begins.

    Raises:
        BadModel: it gave no label.
    """
    started_s = time.monotonic()
    with _running(command) as lines:
        first_label_s = lines.wait_for_one() - started_s
        time.sleep(settles_s)
        family = family_of(lines.pid)
        began_s, used_before_s, labels_before = time.monotonic(), cpu_s(family), lines.count
        time.sleep(window_s)
        seconds, used_s = time.monotonic() - began_s, cpu_s(family) - used_before_s
        labels = lines.count - labels_before
        memory = memory_use(family)
    if not labels:
        raise BadModel(f"{shlex.join(command)}: gave no label in {window_s:g} s; run it by itself")
    return IdleRun(
        first_label_s=first_label_s,
        cpu_share=used_s / seconds,
        labels_per_s=labels / seconds,
        memory=memory,
        processes=len(family),
    )


@contextmanager
def _running(command: Sequence[str]) -> "Iterator[_Lines]":
    """Runs a program until the block ends; its messages are kept from the screen."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        lines = _Lines(command, process)
        try:
            yield lines
        finally:
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
            lines.close()


class _Lines:
    """Counts the lines that a program writes, as they come."""

    def __init__(self, command: Sequence[str], process: subprocess.Popen[bytes]) -> None:
        self.count = 0
        self._command = command
        self.pid = process.pid
        self._first_at_s = 0.0
        self._first = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(process.stdout,))
        self._reader.start()

    def wait_for_one(self) -> float:
        """`time.monotonic()` of the first line; BadModel where the program ended without."""
        self._first.wait(_IDLE_LIMIT_S)
        if not self.count:
            raise BadModel(f"{shlex.join(self._command)}: gave no label; run it by itself to see why")
        return self._first_at_s

    def close(self) -> None:
        """Waits until the program's output has ended."""
        self._reader.join()

    def _read(self, output: IO[bytes]) -> None:
        for _ in output:
            if not self.count:
                self._first_at_s = time.monotonic()
                self.count = 1
                self._first.set()
            else:
                self.count += 1
        self._first.set()
