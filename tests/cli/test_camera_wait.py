"""A camera that is missing at the start: an error on a terminal, waited for elsewhere and by `--wait`."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ABSENT = ["/dev/video97", "csi", "rtsp://127.0.0.1:9/live"]


@pytest.fixture
def on_a_terminal(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], int]]]:
    """Starts `edgecls camera` on a terminal; gives the process, and where to read what it says."""
    started: list[subprocess.Popen[bytes]] = []
    mains: list[int] = []

    def run(*arguments: str) -> tuple[subprocess.Popen[bytes], int]:
        main, terminal = pty.openpty()
        mains.append(main)
        command = [sys.executable, "-m", "edgecls.cli", "camera", "--headless", *arguments]
        env = os.environ | {"COLUMNS": "400", "NO_COLOR": "1"}
        started.append(subprocess.Popen(command, cwd=tmp_path, env=env, stdout=terminal, stderr=terminal))
        os.close(terminal)
        return started[-1], main

    yield run
    for process in started:
        process.kill()
        process.wait()
    for main in mains:
        os.close(main)


def read_until(main: int, words: bytes) -> bytes:
    seen = b""
    while words not in seen:
        assert select.select([main], [], [], 60)[0], seen
        seen += os.read(main, 4096)
    return seen


@pytest.mark.parametrize("source", ABSENT)
def test_on_a_terminal_it_is_an_error_that_names_the_demo_and_the_cameras(on_a_terminal, source: str):
    if source == "csi" and Path("/usr/lib/python3/dist-packages/picamera2").exists():
        pytest.skip("this machine has picamera2")
    process, main = on_a_terminal("--source", source)
    said = read_until(main, b"waits for this one").decode()
    assert process.wait(60) == 69
    assert f"edgecls: error: {source}: " in said
    assert "/dev/video" in said
    assert "`--source demo` needs no camera, and `--wait` waits for this one" in said


def test_on_a_terminal_it_is_waited_for_when_asked(on_a_terminal):
    _, main = on_a_terminal("--source", ABSENT[0], "--wait")
    read_until(main, b"no such camera")
    read_until(main, b"trying again in 2 s")


def test_elsewhere_it_is_an_error_when_asked(run_edgecls, tmp_path: Path):
    done = run_edgecls("camera", "--source", ABSENT[0], "--no-wait", cwd=tmp_path)
    assert done.returncode == 69
    assert "`--source demo` needs no camera" in done.stderr
