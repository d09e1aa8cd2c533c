"""`edgecls service`, and `edgecls camera` as the process that systemd would start."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgecls.cli.service import check_root, sudo_command
from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.errors import PermissionRefused

from ..mjpeg_server import MjpegServer

TOKEN = "0123456789abcdef"  # noqa: S105 - nobody's
BOOTED = Path("/run/systemd/system").is_dir()


@pytest.fixture
def folder(tiny, tmp_path: Path) -> Path:
    shutil.copy(tiny.folder / "image_classification_int8.tflite", tmp_path)
    return tmp_path


@pytest.fixture
def unit_of(run_here, folder: Path) -> Callable[..., str]:
    """What `service install --print` prints."""

    def run(*arguments: object) -> str:
        done = run_here("service", "install", "--print", *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def setting(unit: str, name: str) -> str:
    return next(line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{name}="))


# The unit


def test_the_unit_runs_this_python_with_the_options_of_camera(unit_of):
    unit = unit_of("--source", "csi", "--serve", "--events", "events.jsonl", "--conf", "0.5", "--skip-still")
    assert shlex.split(setting(unit, "ExecStart").removeprefix(":")) == [
        *[sys.executable, "-P", "-m", "edgecls.cli", "camera", "--source", "csi", "--wait"],
        *["--model", "/etc/edgecls/camera/image_classification_int8.tflite", "--conf", "0.5", "--skip-still"],
        *["--headless", "--events", "events.jsonl", "--serve", "127.0.0.1:8080"],
    ]
    assert max(len(line) for line in unit.splitlines() if line.startswith("#")) <= 80
    assert setting(unit, "WorkingDirectory") == "/var/lib/edgecls/camera"
    assert setting(unit, "IPAddressAllow") == "localhost"
    assert setting(unit, "DevicePolicy") == "closed"


def test_several_cameras_have_services_of_their_own(unit_of):
    unit = unit_of("--name", "door", "--source", "demo")
    assert setting(unit, "StateDirectory") == "edgecls/door"
    assert setting(unit, "PrivateNetwork") == "yes"
    assert "/etc/edgecls/door/" in setting(unit, "ExecStart")


def test_a_password_and_a_token_stand_in_no_unit(unit_of):
    unit = unit_of("--source", "rtsp://me:s3cret@10.0.0.7/live", "--serve", "0.0.0.0:8080", "--token", TOKEN)
    assert "s3cret" not in unit
    assert TOKEN not in unit
    assert "--source" not in setting(unit, "ExecStart")
    assert setting(unit, "EnvironmentFile") == "/etc/edgecls/camera/secrets.env"
    assert setting(unit, "Description") == "edgecls camera: rtsp://me:***@10.0.0.7/live"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--sorce", "csi"], 2, "No such option: --sorce"),
        (["--source", "ftp://x"], 2, "source scheme not allowed: ftp"),
        (["--source", "image_classification_int8.tflite"], 2, "did you mean --model image_"),
        (["--once"], 2, "--once is not for a service: a service runs until it is stopped"),
        (["--show"], 2, "--show is not for a service"),
        (["--no-wait"], 2, "--no-wait is not for a service: it waits for its camera"),
        (
            ["--serve", "192.0.2.1:8080", "--token", TOKEN],
            69,
            "192.0.2.1: cannot assign requested address",
        ),
        (["--record", "out/"], 2, "--record is not for a service"),
        (["--name", "../x"], 2, "not a name for a camera"),
        (["--model", "gone.tflite"], 66, "gone.tflite"),
        (["--conf", "0.5", "--conf-off", "0.6"], 2, "--conf-off 0.6 is above the threshold"),
        (["--cpu", "0.5"], 2, "--cpu 0.5: not a percentage"),
        (["--roi", "1,2"], 2, "--roi"),
        (["--events", "/somewhere/e.jsonl"], 78, "the service may write only in /var/lib/edgecls/camera"),
        (["--serve", "0.0.0.0:80"], 78, "anyone on the network could watch"),
    ],
)
def test_what_would_end_the_camera_loop_ends_the_installation(run_here, folder, options, code, words):
    done = run_here("service", "install", "--source", "csi", *options, "--print", cwd=folder)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.skipif(BOOTED, reason="systemd runs this machine")
@pytest.mark.parametrize("command", ["install", "status", "remove"])
def test_without_systemd_there_is_no_service(run_here, folder: Path, command: str):
    done = run_here("service", command, cwd=folder)
    assert done.returncode == 69
    assert "this machine does not use systemd" in done.stderr


def test_who_is_not_root_gets_the_whole_command():
    words = shlex.split(sudo_command(["install", "--source", "my camera"], {"EDGECLS_TOKEN": TOKEN}))
    assert words[:2] == ["sudo", "--preserve-env=EDGECLS_TOKEN"]
    script = words[2]
    assert Path(script).is_absolute()
    assert words[-4:] == ["service", "install", "--source", "my camera"]
    assert TOKEN not in words
    done = subprocess.run([*words[2:-3], "--help"], env={}, capture_output=True, text=True, check=True)
    assert "install" in done.stdout  # it runs with nothing of our PATH


def test_that_command_has_no_secret_in_it(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    options = CameraOptions(source="http://cam/?pw=hunter2", token=TOKEN, fps=5.0)
    with pytest.raises(PermissionRefused) as refused:
        check_root("install", options)
    said = str(refused.value)
    assert "hunter2" not in said
    assert TOKEN not in said
    assert "export EDGECLS_SOURCE and EDGECLS_TOKEN, " in said
    assert "sudo --preserve-env=EDGECLS_SOURCE,EDGECLS_TOKEN " in said
    assert said.endswith("service install --fps 5.0`")


# The process


class Manager:
    """systemd's side of the socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def hear(self, timeout_s: float = 60.0) -> list[str]:
        """The lines of the next datagram."""
        self._socket.settimeout(timeout_s)
        return self._socket.recv(4096).decode().splitlines()

    def hear_status(self, words: str) -> list[str]:
        """The first datagram whose status begins so."""
        while not (lines := self.hear())[-1].startswith(f"STATUS={words}"):
            pass
        return lines

    def is_silent_for(self, seconds: float) -> bool:
        """Whether nothing comes, but for what was under way."""
        ends_at_s = time.monotonic() + seconds
        self._drain()
        try:
            self.hear(max(0.01, ends_at_s - time.monotonic()))
        except TimeoutError:
            return True
        return False

    def _drain(self) -> None:
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(4096)
        except BlockingIOError:
            pass

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(tmp_path / "notify")
    yield listening
    listening.close()


@pytest.fixture
def start(unit_of, folder: Path, manager: Manager) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts what the unit of a source runs, as systemd would."""
    started: list[subprocess.Popen[bytes]] = []

    def run(source: str) -> subprocess.Popen[bytes]:
        command = shlex.split(setting(unit_of("--source", source), "ExecStart").removeprefix(":"))
        (model,) = (index for index, word in enumerate(command) if word.endswith(".tflite"))
        command[model] = Path(command[model]).name
        told = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "1500000"}
        process = subprocess.Popen(command, cwd=folder, env=os.environ | told, stderr=subprocess.PIPE)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def wait_until_stopped(pid: int) -> None:
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)


def test_a_camera_is_ready_alive_silent_when_it_hangs_and_stops(start, manager: Manager):
    with MjpegServer() as server:
        process = start(server.url)
        first = manager.hear()
        assert first[:2] == ["READY=1", "WATCHDOG=1"]
        assert "READY=1" not in manager.hear()
        os.kill(process.pid, signal.SIGSTOP)
        wait_until_stopped(process.pid)
        assert manager.is_silent_for(1.5)
        os.kill(process.pid, signal.SIGCONT)
        assert "WATCHDOG=1" in manager.hear()
        process.send_signal(signal.SIGTERM)
        while manager.hear() != ["STOPPING=1"]:
            pass
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b"fps" not in err  # the journal has events only


def test_an_absent_camera_is_waited_for_by_a_service_that_is_alive(start, manager: Manager):
    with MjpegServer(fault="html") as server:  # there, and no camera
        start(server.url)
        lines = manager.hear_status("waiting for the camera: ")
        assert "WATCHDOG=1" in lines
        server.fault = ""
        while "waiting" in (lines := manager.hear())[-1]:
            assert "WATCHDOG=1" in lines
        assert "WATCHDOG=1" in lines


def test_the_capture_process_does_not_know_the_manager(start, manager: Manager):
    with MjpegServer() as server:
        process = start(server.url)
        server.wait_for(lambda: server.newest > 3)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert children
        assert all(b"NOTIFY_SOCKET" not in Path(f"/proc/{pid}/environ").read_bytes() for pid in children)
