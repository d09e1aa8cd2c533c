"""The unit of a camera service, as text and as systemd reads it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgecls.edge_runtime import errors
from edgecls.edge_runtime.service.unit import CameraService, Network, environment_file, quoted, unit_text

MOST_EXPOSURE = 2.0
"""Of 10, as `systemd-analyze security` counts; "OK" begins under 5, "SAFE" under 0.5."""


@pytest.fixture(scope="module")
def analyze() -> str:
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("no systemd-analyze: apt install systemd")
    return program


def service(network: Network = "loopback", *, uses_camera: bool = True, **changes) -> CameraService:
    values = {
        "name": "camera",
        "python": Path(sys.executable),
        "arguments": ("--source", "csi", "--headless"),
        "description": "csi",
        "uses_camera": uses_camera,
        "network": network,
    }
    return CameraService(**(values | changes))


EVERY_KIND = [
    service("none"),
    service("loopback"),
    service("any"),
    service("any", uses_camera=False, secrets={"EDGECLS_SOURCE": "rtsp://a:b@host/"}),
    service("none", pins=("17", "27:low")),
    service("any", uses_camera=False, pins=("17",)),
    service(
        description="rtsp://host/100%/a b",
        arguments=("--source", "rtsp://host/100%/$x 'a' \"b\"", "--roi", "0,0,1,1", ";"),
        reads=(Path("/home/pi/my edgecls"), Path("/usr")),
    ),
]


def settings(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


# What systemd says of it


@pytest.mark.parametrize("kind", EVERY_KIND, ids=range(len(EVERY_KIND)))
def test_systemd_accepts_every_kind_without_a_word(analyze: str, tmp_path: Path, kind: CameraService):
    path = tmp_path / f"{kind.unit}.service"
    path.write_text(unit_text(kind))
    done = subprocess.run([analyze, "verify", "--man=no", path], capture_output=True, text=True, check=False)
    said = [
        line for line in done.stderr.splitlines() if kind.unit in line
    ]  # others' units have their own faults
    assert said == []
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", EVERY_KIND, ids=range(len(EVERY_KIND)))
def test_the_sandbox_leaves_little_exposed(analyze: str, tmp_path: Path, kind: CameraService):
    path = tmp_path / f"{kind.unit}.service"
    path.write_text(unit_text(kind))
    command = [analyze, "security", "--offline=yes", "--no-pager", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("systemd before 250 cannot judge a file")
    exposure = re.search(r"exposure level for .*: ([0-9.]+)", done.stdout)
    assert exposure, done.stderr
    assert float(exposure[1]) <= MOST_EXPOSURE


# What stands in it


def test_what_a_restart_cannot_mend_is_not_restarted_and_all_else_for_ever():
    found = settings(unit_text(service()))
    kinds = ("UsageError", "BadData", "MissingInput", "PermissionRefused", "BadConfiguration")
    codes = [str(getattr(errors, kind).exit_code) for kind in kinds]
    assert found["RestartPreventExitStatus"] == [" ".join(codes)]
    assert found["Restart"] == ["on-failure"]
    assert found["StartLimitIntervalSec"] == ["0"]
    assert (found["Type"], found["WatchdogSec"]) == (["notify"], ["60"])


def test_only_a_service_with_a_camera_sees_devices():
    with_camera, without = (settings(unit_text(service(uses_camera=uses))) for uses in (True, False))
    assert with_camera["DevicePolicy"] == ["closed"]
    assert with_camera["SupplementaryGroups"] == ["video"]
    assert "char-video4linux rw" in with_camera["DeviceAllow"]
    assert "PrivateDevices" not in with_camera
    assert without["PrivateDevices"] == ["yes"]
    assert "DeviceAllow" not in without


def test_only_a_service_with_pins_may_use_them_and_turns_them_off_after_its_end():
    found = settings(unit_text(service(uses_camera=False, pins=("17", "27:low"))))
    assert found["DevicePolicy"] == ["closed"]
    assert found["DeviceAllow"] == ["char-gpiochip rw"]
    assert found["SupplementaryGroups"] == ["gpio"]
    assert "LG_WD=/tmp" in found["Environment"]
    assert found["ExecStopPost"][0].endswith("pin_child off 17 27:low")
    assert settings(unit_text(service(pins=("17",))))["SupplementaryGroups"] == ["video", "gpio"]
    assert not {"ExecStopPost", "LG_WD=/tmp"} & {*settings(unit_text(service()))}


def test_the_network_is_as_narrow_as_source_and_page_allow():
    none, loopback, everything = (
        settings(unit_text(service(network))) for network in ("none", "loopback", "any")
    )
    assert none["PrivateNetwork"] == ["yes"]
    assert loopback["IPAddressAllow"] == ["localhost"]
    assert "IPAddressDeny" not in everything
    assert everything["After"] == ["network-online.target"]  # an address to serve at is there only then
    for found in (none, loopback, everything):
        assert "AF_UNIX" in found["RestrictAddressFamilies"][0]  # systemd's own socket


def test_of_a_home_it_sees_only_what_python_needs():
    found = settings(unit_text(service(reads=(Path("/home/pi/edgecls"), Path("/home/pi/b c"), Path("/usr")))))
    assert found["ProtectHome"] == ["tmpfs"]
    assert found["BindReadOnlyPaths"] == ["/home/pi/edgecls", '"/home/pi/b c"']


def test_secrets_stand_in_a_file_of_their_own():
    text = unit_text(service(secrets={"EDGECLS_TOKEN": "0123456789abcdef"}))
    assert "0123456789abcdef" not in text
    assert settings(text)["EnvironmentFile"] == ["/etc/edgecls/camera/secrets.env"]
    assert '\n#   EDGECLS_TOKEN="..."\nEnvironmentFile=' in text


@pytest.mark.parametrize(
    ("argument", "written"),
    [
        ("csi", "csi"),
        ("/dev/v4l/by-id/usb-046d_C270-video-index0", "/dev/v4l/by-id/usb-046d_C270-video-index0"),
        ("50%", '"50%%"'),
        ("a$b", "a$b"),
        ("", '""'),
        (";", '";"'),
        ("it's", '"it\'s"'),
        ('a "b" \\c', '"a \\"b\\" \\\\c"'),
    ],
)
def test_arguments_reach_the_command_as_they_are(argument: str, written: str):
    assert quoted(argument) == written


def test_an_environment_file_escapes_what_systemd_would_read():
    assert environment_file({"A": 'x"y\\z $h `t` #'}) == 'A="x\\"y\\\\z \\$h \\`t\\` #"\n'
