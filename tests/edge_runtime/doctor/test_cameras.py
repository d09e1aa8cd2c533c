import os
import tempfile
from pathlib import Path

import pytest
from edgecls.edge_runtime.doctor.cameras import check_csi, check_default, check_device, check_permission
from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.machine import User
from edgecls.edge_runtime.doctor.video_nodes import video_nodes

WEBCAM = "HD Pro Webcam C920"
PI_4 = {0: "unicam-image", 1: "unicam-embedded", 10: "bcm2835-codec-decode", 13: "bcm2835-isp-output0"}
PI_5 = {0: "rp1-cfe-csi2_ch0", 19: "rpi-hevc-dec", 20: "pispbe-input"}


def plug_all(video, nodes):
    for number, card in nodes.items():
        video(number, card)


def test_a_usb_camera_is_fine(video, tmp_path):
    video(0, WEBCAM)

    found = check_device("/dev/video0", video_nodes(tmp_path), tmp_path)

    assert (found.level, found.what) == (Level.OK, f"/dev/video0: {WEBCAM}")


@pytest.mark.parametrize("nodes", [PI_4, PI_5], ids=["pi4", "pi5"])
def test_a_csi_camera_asked_for_by_index(video, tmp_path, nodes):
    plug_all(video, nodes)

    found = check_device("/dev/video0", video_nodes(tmp_path), tmp_path)

    assert found.level is Level.PROBLEM
    assert nodes[0] in found.what
    assert found.command == "edgecls camera --source csi"


def test_a_link_to_a_device_is_followed(video, tmp_path):
    device = video(0, "unicam-image")
    (tmp_path / "dev/v4l").mkdir()
    (tmp_path / "dev/v4l/camera").symlink_to(device)

    assert check_device("/dev/v4l/camera", video_nodes(tmp_path), tmp_path).level is Level.PROBLEM


def test_a_video_decoder_is_no_camera(video, tmp_path):
    plug_all(video, {8: WEBCAM, 10: "bcm2835-codec-decode"})

    found = check_device("/dev/video10", video_nodes(tmp_path), tmp_path)

    assert found.what == "/dev/video10 is no camera (bcm2835-codec-decode)"
    assert found.command == "edgecls camera --source 8"


def test_a_camera_that_is_not_there_is_answered_with_one_that_is(video, tmp_path):
    video(2, WEBCAM)

    found = check_device("/dev/video0", video_nodes(tmp_path), tmp_path)

    assert (found.level, found.what) == (Level.PROBLEM, "/dev/video0: no such camera")
    assert (found.command, found.advice) == ("edgecls camera --source 2", f"which is {WEBCAM}")


def test_no_camera_at_all(tmp_path):
    assert "plug one in" in check_device("/dev/video0", (), tmp_path).advice
    assert check_csi(()).level is Level.PROBLEM
    assert check_default(()).level is Level.WARNING


@pytest.mark.parametrize(
    ("nodes", "level", "command"),
    [
        ({0: WEBCAM}, Level.OK, ""),
        ({0: "unicam-image", 8: WEBCAM}, Level.WARNING, "edgecls camera --source 8"),
        (PI_4, Level.WARNING, "edgecls camera --source csi"),
        ({19: "rpi-hevc-dec"}, Level.WARNING, "edgecls camera --source demo"),
    ],
    ids=["usb", "usb and csi", "csi", "none"],
)
def test_what_edgecls_camera_finds_without_a_source(video, tmp_path, nodes, level, command):
    plug_all(video, nodes)

    found = check_default(video_nodes(tmp_path))

    assert (found.level, found.command) == (level, command)


def test_a_sensor_that_answered_is_found(video, tmp_path):
    plug_all(video, PI_5)

    assert check_csi(video_nodes(tmp_path)).level is Level.OK


@pytest.fixture
def forbidden():
    """A root with a camera that we may not open; the group's number."""
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path, which others than its owner cannot enter
        root = Path(folder)
        root.chmod(0o755)
        for name in ("dev", "etc"):
            (root / name).mkdir(mode=0o755)
        device = root / "dev/video0"
        device.touch(0)
        (root / "etc/group").write_text(f"adm:x:999999:pi\nvideo:x:{device.stat().st_gid}:pi,kiosk\n")
        if os.geteuid() == 0:  # root may open anything
            os.seteuid(65534)
        yield root, device.stat().st_gid
        if os.getuid() == 0:
            os.seteuid(0)


def test_a_camera_that_we_may_not_open_names_its_group(forbidden):
    root, _ = forbidden

    found = check_permission("/dev/video0", User("mia", is_root=False, group_ids=frozenset()), root)

    assert (found.level, found.command) == (Level.PROBLEM, "sudo usermod -aG video mia")
    assert "log out and in again" in found.advice


def test_a_group_that_came_after_the_log_in(forbidden):
    root, _ = forbidden

    found = check_permission("/dev/video0", User("pi", is_root=False, group_ids=frozenset()), root)

    assert (found.level, found.command) == (Level.PROBLEM, "newgrp video")


def test_a_camera_that_we_may_open_is_fine(video, tmp_path):
    video(0, WEBCAM)

    user = User("pi", is_root=False, group_ids=frozenset())
    assert check_permission("/dev/video0", user, tmp_path).level is Level.OK
