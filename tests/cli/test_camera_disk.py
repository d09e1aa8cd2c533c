"""`edgecls camera` and its files, as real processes: killed, started twice, on a disk that is read-only."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.event_limit import FAULTS
from edgecls.edge_runtime.camera.event_lines import read_events
from tests.mjpeg_server import MjpegServer

DEMO = ("--source", "demo", "--model", "nano")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a camera that runs until it is stopped, and waits for its first answer."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: object) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "edgecls.cli",
            "camera",
            "--headless",
            "--json",
            *map(str, arguments),
        ]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline()
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def stopped(process: subprocess.Popen[bytes]) -> str:
    """What a camera says until it is stopped, which it has to end with 0."""
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return err.decode()


def hidden_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


@pytest.mark.parametrize("name", ["out.mp4", "rec/"])
def test_a_second_recording_is_refused_and_a_killed_one_leaves_nothing(
    start, run_edgecls, tmp_path: Path, name: str
):
    """Rows 55 and 56."""
    process = start(*DEMO, "--record", name)
    second = run_edgecls("camera", "--headless", *DEMO, "--record", name, cwd=tmp_path)
    assert second.returncode == 78
    assert "another edgecls" in second.stderr.splitlines()[-1]
    process.kill()
    process.wait()
    assert hidden_in(tmp_path) or name == "rec/"
    stopped(start(*DEMO, "--record", name))
    assert hidden_in(tmp_path) == []


def test_two_loops_on_one_event_log(start, run_edgecls, tmp_path: Path):
    """Row 56."""
    process = start(*DEMO, "--events", "logs/today/events.jsonl")
    log = tmp_path / "logs" / "today" / "events.jsonl"
    second = run_edgecls("camera", "--headless", *DEMO, "--events", log, cwd=tmp_path)
    assert second.returncode == 78
    assert "another edgecls writes its events there" in second.stderr
    process.kill()
    process.wait()
    stopped(start(*DEMO, "--events", log))
    history = read_events(log)
    assert [event.sequence for event in history.events] == list(range(1, len(history.events) + 1))


def test_a_camera_starts_on_a_disk_that_cannot_be_written(start, small_disk: Path):
    """Row 46: what cannot be written is an event."""
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    process = start(*DEMO, "--events", small_disk / "e.jsonl", "--record", small_disk / "out.mp4")
    said = stopped(process)
    assert f"cannot write {small_disk}/e.jsonl: read-only file system; events wait in memory" in said
    assert f"the recording pauses: cannot write {small_disk}/out.mp4: read-only file system" in said
    assert "Traceback" not in said


def test_good_and_bad_pictures_in_turn_do_not_fill_the_log(start, tmp_path: Path):
    """Row 51."""
    with MjpegServer(rate_fps=60, fault="gap") as server:
        process = start("--source", server.url, "--model", "nano", "--events", "events.jsonl")
        server.wait_for(lambda: server.newest >= 200)
        said = stopped(process)
    events = read_events(tmp_path / "events.jsonl").events
    bad = [event for event in events if event.kind == "corrupt"]
    assert FAULTS.at_once <= len(bad)
    assert len(bad) <= FAULTS.at_once + (bad[-1].monotonic_s - bad[0].monotonic_s) / FAULTS.every_s + 2
    assert bad[-1].facts["left_out"] > FAULTS.at_once
    assert events[-1].facts["corrupt_frames"] >= len(bad) + bad[-1].facts["left_out"]
    assert said.count("camera: corrupt") + said.count("damaged pictures") == len(bad)
