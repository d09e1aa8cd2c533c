"""systemctl, and machines without it."""

import os
import socket
from pathlib import Path

import pytest

from edgecls.edge_runtime.errors import (
    BadConfiguration,
    MissingInput,
    PermissionRefused,
    Unavailable,
    UsageError,
)
from edgecls.edge_runtime.service.control import (
    ServiceStatus,
    check_booted,
    install,
    installed,
    remove,
    status_of,
    systemctl,
)
from edgecls.edge_runtime.service.plan import check_events, check_page
from edgecls.edge_runtime.service.unit import CameraService, unit_of, unit_text


@pytest.fixture
def program(tmp_path: Path, monkeypatch) -> Path:
    """Where a systemctl of the test's own is looked for first."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "systemctl"


def write(program: Path, lines: str) -> None:
    program.write_text(f"#!/bin/sh\n{lines}\n")
    program.chmod(0o755)


def test_it_gives_what_is_printed(program: Path):
    write(program, 'echo "$@"')
    assert systemctl("show", "edgecls-camera") == "show edgecls-camera\n"


def test_a_refusal_is_one_line(program: Path):
    write(program, 'echo "Failed to enable unit: no such file." >&2; echo more >&2; exit 1')
    with pytest.raises(Unavailable) as refused:
        systemctl("enable", "x")
    assert (
        str(refused.value) == "systemctl enable x: Failed to enable unit: no such file; see `journalctl -e`"
    )


def test_what_only_root_may_is_told_as_that(program: Path):
    write(program, 'echo "Failed to restart x: Interactive authentication required." >&2; exit 1')
    with pytest.raises(PermissionRefused, match="run it with sudo"):
        systemctl("restart", "x")


def test_a_machine_without_systemctl_is_told_as_that(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="this machine does not use systemd"):
        systemctl("daemon-reload")


def test_systemd_runs_a_machine_where_its_folder_is(tmp_path: Path):
    with pytest.raises(Unavailable, match="this machine does not use systemd"):
        check_booted(tmp_path)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    check_booted(tmp_path)


TOKEN = "0123456789abcdef"  # noqa: S105 - nobody's


class FakeSystemctl:
    """Notes what it is asked for; what is in `refused` fails."""

    def __init__(self, *refused: str) -> None:
        self.asked: list[str] = []
        self._refused = refused

    def __call__(self, *arguments: str) -> str:
        self.asked.append(" ".join(arguments))
        if arguments[0] in self._refused:
            raise Unavailable(f"systemctl {arguments[0]}: refused")
        return ""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "model.tflite"
    path.parent.mkdir()
    path.write_bytes(b"model")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def service(name: str = "camera", **changes) -> CameraService:
    values = {"python": Path("/usr/bin/python3"), "arguments": (), "description": "csi", "network": "none"}
    return CameraService(name, **(values | {"uses_camera": True} | changes))


def test_it_is_written_read_and_started(root: Path, model: Path):
    systemctl, planned = FakeSystemctl(), service(copied=(model,))
    install(planned, systemctl, root)
    assert (root / "etc/systemd/system/edgecls-camera.service").read_text() == unit_text(planned)
    assert (root / "etc/edgecls/camera/model.tflite").read_bytes() == b"model"
    assert systemctl.asked == ["daemon-reload", "enable edgecls-camera", "restart edgecls-camera"]
    assert installed(root) == ["camera"]


def test_secrets_are_for_root_alone(root: Path, model: Path):
    install(service(copied=(model,), secrets={"EDGECLS_TOKEN": TOKEN}), FakeSystemctl(), root)
    path = root / "etc/edgecls/camera/secrets.env"
    assert path.read_text() == f'EDGECLS_TOKEN="{TOKEN}"\n'
    assert path.stat().st_mode & 0o777 == 0o600
    assert (root / "etc/edgecls/camera/model.tflite").stat().st_mode & 0o777 == 0o644


def test_another_installation_leaves_nothing_of_the_one_before(root: Path, model: Path, tmp_path: Path):
    install(service(copied=(model,), secrets={"EDGECLS_TOKEN": TOKEN}), FakeSystemctl(), root)
    other = tmp_path / "other.onnx"
    other.write_bytes(b"other")
    install(service(copied=(other,)), FakeSystemctl(), root)
    assert [path.name for path in (root / "etc/edgecls/camera").iterdir()] == ["other.onnx"]


def test_a_model_that_goes_away_changes_nothing(root: Path, tmp_path: Path):
    systemctl = FakeSystemctl()
    with pytest.raises(MissingInput):
        install(service(copied=(tmp_path / "gone.tflite",)), systemctl, root)
    assert systemctl.asked == []
    assert not root.exists()


def test_one_that_does_not_start_leads_to_its_journal(root: Path, model: Path):
    with pytest.raises(Unavailable, match="did not start; see `journalctl -u edgecls-door`"):
        install(service("door", copied=(model,)), FakeSystemctl("restart"), root)


def test_a_python_that_only_its_owner_can_read_is_refused(root: Path, model: Path, tmp_path: Path):
    private = tmp_path / "venv"
    private.mkdir(mode=0o700)
    with pytest.raises(PermissionRefused, match=f"chmod -R o\\+rX {private}"):
        install(service(copied=(model,), reads=(private,)), FakeSystemctl(), root)
    assert not root.exists()


def test_removal_takes_what_installation_wrote_and_leaves_what_the_camera_did(root: Path, model: Path):
    for name in ("camera", "door"):
        install(service(name, copied=(model,)), FakeSystemctl(), root)
    events = root / "var/lib/edgecls/camera/events.jsonl"
    events.parent.mkdir(parents=True)
    events.write_text("{}\n")
    systemctl = FakeSystemctl()
    assert remove("camera", systemctl, root) == Path("/var/lib/edgecls/camera")
    assert systemctl.asked == ["disable --now edgecls-camera", "daemon-reload"]
    assert events.exists()
    assert [path.name for path in (root / "etc/edgecls").iterdir()] == ["door"]
    assert installed(root) == ["door"]


def test_one_that_does_not_stop_is_not_removed(root: Path, model: Path):
    install(service(copied=(model,)), FakeSystemctl(), root)
    with pytest.raises(Unavailable):
        remove("camera", FakeSystemctl("disable"), root)
    assert installed(root) == ["camera"]


def test_what_is_not_there_cannot_be_removed(root: Path):
    with pytest.raises(MissingInput, match="edgecls-door: no such service"):
        remove("door", FakeSystemctl(), root)
    assert installed(root) == []


@pytest.mark.parametrize("name", ["", "../x", "Door", "a b", "-x", "a@b", "a" * 40])
def test_a_name_is_one_of_a_unit_and_of_a_folder(name: str):
    with pytest.raises(UsageError):
        unit_of(name)


@pytest.mark.parametrize("path", ["events.jsonl", "logs/events.jsonl", "/var/lib/edgecls/camera/e.jsonl"])
def test_events_may_lie_in_the_services_folder(path: str):
    check_events(Path(path), "camera")


@pytest.mark.parametrize("path", ["/srv/e.jsonl", "../door/e.jsonl", "/var/lib/edgecls/door/e.jsonl"])
def test_events_may_lie_nowhere_else(path: str):
    with pytest.raises(BadConfiguration, match=r"write --events e\.jsonl"):
        check_events(Path(path), "camera")


def test_a_page_for_others_needs_a_token():
    check_page("127.0.0.1:8080", None)
    check_page("0.0.0.0:8080", TOKEN)
    with pytest.raises(BadConfiguration, match="EDGECLS_TOKEN"):
        check_page("0.0.0.0:8080", None)


def test_a_page_where_none_can_be_is_refused_beforehand():
    with pytest.raises(Unavailable, match=r"192\.0\.2\.1.*use an address of this machine"):
        check_page("192.0.2.1:8080", TOKEN)
    with pytest.raises(Unavailable, match=r"no such address: nowhere\.invalid"):
        check_page("nowhere.invalid:8080", TOKEN)
    if Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text().strip() == "1024":
        with pytest.raises(PermissionRefused, match="only root may use port 80"):
            check_page("127.0.0.1:80", None)


def test_a_port_in_use_may_be_that_of_the_service_before():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        check_page(f"127.0.0.1:{taken.getsockname()[1]}", None)


RUNNING = """\
MainPID=176
NRestarts=2
ExecMainStatus=0
Result=success
StatusText=cat 93.1%   29.9 fps   latency 0.7 ms   a=b
ActiveState=active
SubState=running
StateChangeTimestamp=Sun 2026-11-22 20:18:48 UTC
UnitFileState=enabled
"""


def status(shown: str) -> ServiceStatus:
    def systemctl(*arguments: str) -> str:
        assert arguments[:2] == ("show", "edgecls-door")
        return shown

    return status_of("door", systemctl)


def test_a_running_service_tells_what_it_sees():
    found = status(RUNNING)
    assert found.is_running
    assert (found.pid, found.restarts) == (176, 2)
    assert found.text.splitlines() == [
        "edgecls-door: running since Sun 2026-11-22 20:18:48 UTC, pid 176, 2 restarts",
        "  cat 93.1%   29.9 fps   latency 0.7 ms   a=b",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainStatus": "65"},
            "not running: failed (exit-code 65) since Sun",
        ),
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "Result": "watchdog", "NRestarts": "1"},
            "not running: auto-restart (watchdog) since Sun 2026-11-22 20:18:48 UTC, 1 restart",
        ),
        (
            {"ActiveState": "inactive", "SubState": "dead", "UnitFileState": "disabled"},
            "0 restarts, not started at boot",
        ),
    ],
)
def test_one_that_does_not_run_tells_why(changes: dict[str, str], words: str):
    values = dict(line.split("=", 1) for line in RUNNING.splitlines())
    values |= {"MainPID": "0", "NRestarts": "0", "StatusText": "", **changes}
    found = status("\n".join(f"{name}={value}" for name, value in values.items()))
    assert not found.is_running
    assert words in found.text
    assert "\n" not in found.text


def test_a_systemd_that_knows_less_is_no_reason_to_fail():
    found = status("ActiveState=active\n")
    assert found.is_running
    assert found.text == "edgecls-door: running, 0 restarts, not started at boot"
