"""Row 45: stdout or stderr is a pipe that nobody reads, or a terminal that Ctrl-S has stopped."""

import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

from tests.waiting import wait_until

Streams = dict[str, int]


def full_pipe() -> tuple[int, int]:
    """The ends of a pipe that holds as much as it can."""
    out, end = os.pipe()
    os.set_blocking(end, False)
    with suppress(BlockingIOError):
        while True:
            os.write(end, b"." * 4096)
    os.set_blocking(end, True)
    return out, end


def stopped_terminal() -> tuple[int, int]:
    main, terminal = pty.openpty()
    termios.tcflow(terminal, termios.TCOOFF)
    return main, terminal


BLOCKED = {
    "stdout": (full_pipe, ("stdout",)),
    "stderr": (full_pipe, ("stderr",)),
    "both, one pipe": (full_pipe, ("stdout", "stderr")),
    "a terminal after Ctrl-S": (stopped_terminal, ("stdout", "stderr")),
}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: str, **streams: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "edgecls.cli", "camera", "--headless", *arguments]
        given = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | streams
        started.append(subprocess.Popen(command, cwd=tmp_path, **given))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def events(log: Path) -> list[dict]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.mark.parametrize("case", BLOCKED)
def test_what_nobody_reads_stops_neither_the_loop_nor_a_signal(
    start, tmp_path: Path, case: str, within: Callable[[float], AbstractContextManager[None]]
):
    make, names = BLOCKED[case]
    main, end = make()
    log = tmp_path / "events.jsonl"
    process = start("--source", "demo", "--json", "--events", str(log), **dict.fromkeys(names, end))
    wait_until(lambda: any(event["kind"] == "label_changed" for event in events(log)))
    with within(3):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    os.close(main)
    os.close(end)
    last = events(log)[-1]
    assert last["kind"] == "stopped"
    assert last["dropped_lines"] > 0


def test_a_reader_of_stderr_that_has_gone_ends_nothing(start, tmp_path: Path):
    out, end = os.pipe()
    os.close(out)
    log = tmp_path / "events.jsonl"
    process = start("--source", "demo", "--events", str(log), stderr=end)
    os.close(end)
    wait_until(lambda: any(event["kind"] == "label_changed" for event in events(log)))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_a_reader_that_wakes_up_gets_what_comes_then_in_whole_lines(start, tmp_path: Path):
    main, end = full_pipe()
    log = tmp_path / "events.jsonl"
    process = start("--source", "demo", "--json", "--events", str(log), stdout=end)
    os.close(end)
    wait_until(lambda: any(event["kind"] == "label_changed" for event in events(log)))
    with open(main, "rb") as lines:  # noqa: PTH123 - a descriptor
        numbers = [json.loads(lines.readline().lstrip(b"."))["sequence"] for _ in range(20)]
        process.send_signal(signal.SIGTERM)
        numbers += [json.loads(line)["sequence"] for line in lines]
    assert numbers == sorted(set(numbers))
    assert process.wait(60) == 0


def test_a_run_that_ends_gives_a_slow_reader_every_line(start):
    main, end = full_pipe()
    process = start("--source", "demo", "--json", "--max-frames", "40", stdout=end)
    os.close(end)
    with open(main, "rb") as lines:  # noqa: PTH123 - a descriptor
        assert len(lines.readlines()) == 40
    assert process.wait(60) == 0


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_run_that_ends_is_ended_by_a_signal_though_nobody_reads(
    start, tmp_path: Path, name: str, within: Callable[[float], AbstractContextManager[None]]
):
    main, end = full_pipe()
    log = tmp_path / "events.jsonl"
    limit = "--max-frames", "1000000"
    process = start("--source", "demo", "--json", *limit, "--events", str(log), **{name: end})
    wait_until(lambda: bool(events(log)))
    with within(3):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    os.close(main)
    os.close(end)
