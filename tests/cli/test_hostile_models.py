"""Sealed models that fail on some pictures only, so that they have passed their trial, as real processes."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.event_lines import read_events
from edgecls.edge_runtime.images.opencv import cv2
from tests.hostile_networks import ENDLESS_ROUNDS, GREY, as_large_as_asked, as_long_as_asked, sealed
from tests.mjpeg_server import MjpegServer
from tests.waiting import wait_until

PROGRAM = (
    "from edgecls.edge_runtime.engines import watched\n"
    "watched.LIMIT_S = {limit_s}\n"
    "from edgecls.cli.main import main\n"
    "main()\n"
)
PICTURE = np.full((60, 80, 3), GREY, np.uint8)
_START_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, network in {
        "endless": as_long_as_asked(ENDLESS_ROUNDS, only_on_grey=True),
        "large": as_large_as_asked(2**31, only_on_grey=True),
    }.items():
        (tmp_path / f"{name}.onnx").write_bytes(sealed(network))
    cv2.imwrite(str(tmp_path / "grey.png"), PICTURE)
    cv2.imwrite(str(tmp_path / "white.png"), np.full((60, 80, 3), 255, np.uint8))
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object, limit_s: float = 2, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM.format(limit_s=limit_s), *map(str, arguments)]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def processor_s(pid: int) -> float:
    """User and system time of a process, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kinds(folder: Path) -> list[str]:
    path = folder / "events.jsonl"
    return [event.kind for event in read_events(path).events] if path.exists() else []


@pytest.mark.parametrize(
    ("model", "limit_s", "reason"),
    [
        ("endless.onnx", 2, "has not answered in 2 s for one picture; "),
        ("large.onnx", 600, "takes "),
    ],
)
def test_a_picture_that_the_network_cannot_bear_is_one_line(start, model: str, limit_s: int, reason: str):
    process = start("predict", "white.png", "grey.png", "white.png", "--model", model, limit_s=limit_s)
    out, err = process.communicate(timeout=_START_S)
    assert process.returncode == 65
    assert [line.split()[0] for line in out.splitlines()] == ["white.png:"]
    (line,) = err.splitlines()
    assert line.startswith(f"edgecls: error: {model}: onnxruntime ")
    assert reason in line


def test_a_camera_says_so_starts_again_and_goes_on(start, folder: Path):
    with MjpegServer() as server:
        process = start(
            *("camera", "--source", server.url, "--model", "endless.onnx", "--headless"),
            *("--events", "events.jsonl"),
        )
        wait_until(lambda: "opened" in kinds(folder))
        server.still = PICTURE
        wait_until(lambda: kinds(folder).count("started") >= 2)
        server.still = None
        wait_until(lambda: kinds(folder)[::-1].index("opened") < kinds(folder)[::-1].index("started"))
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=_START_S)
    assert process.returncode == 0
    happened = kinds(folder)
    assert happened.count("engine_stuck") == happened.count("started") - 1
    assert "endless.onnx: onnxruntime" in err
    assert "Traceback" not in err


def test_sigterm_ends_a_camera_whose_network_never_answers(start, folder: Path, within):
    with MjpegServer() as server:
        server.still = PICTURE
        process = start(
            *("camera", "--source", server.url, "--model", "endless.onnx", "--headless"),
            *("--events", "events.jsonl"),
            limit_s=600,
        )
        wait_until(lambda: "opened" in kinds(folder))
        before_s = processor_s(process.pid)
        wait_until(lambda: processor_s(process.pid) > before_s + 1)  # only the network works so hard
        process.send_signal(signal.SIGTERM)
        with within(3):
            _, err = process.communicate(timeout=_START_S)
    assert process.returncode == 0
    assert kinds(folder) == ["started", "opened", "stopped"]
    assert "Traceback" not in err


def test_a_service_ends_with_a_code_after_which_systemd_starts_it_again(start, folder: Path):
    with MjpegServer() as server, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        server.still = PICTURE
        process = start(
            *("camera", "--source", server.url, "--model", "endless.onnx", "--headless"),
            NOTIFY_SOCKET=str(folder / "notify"),
        )
        _, err = process.communicate(timeout=_START_S)
    assert process.returncode == 69
    assert err.splitlines()[-1].startswith("edgecls: error: endless.onnx: onnxruntime ")
