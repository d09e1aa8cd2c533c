"""A camera service put on a machine and taken away: below a folder that stands for its root."""

from pathlib import Path

import pytest
from edgecls.edge_runtime.errors import (
    BadConfiguration,
    MissingInput,
    PermissionRefused,
    Unavailable,
    UsageError,
)
from edgecls.edge_runtime.service.camera_service import CameraService, check_events, check_page, unit_of
from edgecls.edge_runtime.service.install import install, installed, remove
from edgecls.edge_runtime.service.unit import unit_text

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
