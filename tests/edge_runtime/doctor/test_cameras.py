import os
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.edge_runtime.doctor.cameras import (
    buffers_are_taken,
    check_busy,
    check_csi,
    check_default,
    check_device,
    check_permission,
    check_picamera2,
    check_stream,
    video_nodes,
)
from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.host import User

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

    assert found.what == "/dev/video10 is not a camera (bcm2835-codec-decode)"
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


@pytest.fixture
def held_by(video, write, tmp_path):
    """Lets a process have /dev/video0 open."""
    device = video(0, "webcam")

    def hold(pid: int, name: str, group: str = "0::/user.slice/user-1000.slice/session-1.scope") -> None:
        write(f"proc/{pid}/comm", f"{name}\n")
        write(f"proc/{pid}/cgroup", f"{group}\n")
        (tmp_path / f"proc/{pid}/fd").mkdir()
        (tmp_path / f"proc/{pid}/fd/7").symlink_to(device)

    return hold


def test_a_camera_that_nobody_has_is_free(video, tmp_path):
    video(0, "webcam")

    assert check_busy("/dev/video0", tmp_path).level is Level.OK


def test_who_has_the_camera_is_named(held_by, tmp_path):
    held_by(412, "motion")

    found = check_busy("/dev/video0", tmp_path)

    assert (found.level, found.what) == (Level.PROBLEM, "/dev/video0 is in use by motion, pid 412")
    assert found.command == "kill 412"


def test_a_service_is_stopped_as_it_would_come_back(held_by, tmp_path):
    held_by(412, "motion", "0::/system.slice/motion.service")

    assert check_busy("/dev/video0", tmp_path).command == "sudo systemctl stop motion.service"


def test_what_cron_began_is_no_reason_to_stop_cron(held_by, tmp_path):
    held_by(412, "python3", "0::/system.slice/cron.service")

    assert check_busy("/dev/video0", tmp_path).command == "kill 412"


def test_a_desktop_that_has_every_camera_open_does_not_take_it(held_by, tmp_path):
    held_by(700, "wireplumber")

    assert check_busy("/dev/video0", tmp_path).level is Level.OK
    assert check_busy("/dev/video0", tmp_path, lambda _: False).level is Level.OK


def test_who_takes_pictures_is_named_and_not_who_only_watches(held_by, tmp_path):
    held_by(700, "wireplumber")
    held_by(801, "ffmpeg")

    found = check_busy("/dev/video0", tmp_path, lambda _: True)

    assert found.what == "/dev/video0 is in use by ffmpeg, pid 801"


def test_a_process_of_another_user_is_not_seen_but_the_camera_says_that_it_is_taken(video, tmp_path):
    video(0, "webcam")

    found = check_busy("/dev/video0", tmp_path, lambda _: True)

    assert (found.level, found.command) == (Level.PROBLEM, "sudo fuser -v /dev/video0")


def test_what_is_no_camera_does_not_say(tmp_path):
    (tmp_path / "file").touch()

    assert buffers_are_taken(tmp_path / "file") is None
    assert buffers_are_taken(tmp_path / "nothing") is None


NO_MODULE = "ModuleNotFoundError: No module named 'picamera2'"
INSTALL = "sudo apt install -y python3-picamera2"


@pytest.fixture
def let_in(write, python):
    """Whether the virtual environment sees the system's packages."""
    return lambda seen: write(
        "edgecls/pyvenv.cfg", f"home = /usr/bin\ninclude-system-site-packages = {seen}\n"
    )


@pytest.fixture
def from_apt(tmp_path):
    (tmp_path / "usr/lib/python3/dist-packages/picamera2").mkdir(parents=True)


def test_what_loads_is_fine(python, tmp_path):
    assert check_picamera2(None, python, tmp_path).level is Level.OK


def test_a_virtual_environment_that_does_not_see_it(python, tmp_path, let_in, from_apt):
    let_in("false")

    found = check_picamera2(NO_MODULE, python, tmp_path)

    assert found.level is Level.PROBLEM
    assert "installed, and this virtual environment does not see the system's packages" in found.what
    assert found.command == f"/usr/bin/python3 -m venv --system-site-packages {tmp_path}/edgecls"


def test_neither_installed_nor_seen(python, tmp_path, let_in):
    let_in("false")

    found = check_picamera2(NO_MODULE, python, tmp_path)

    assert found.what.startswith("picamera2 is not installed, and ")
    assert found.command.startswith(f"{INSTALL} && /usr/bin/python3 -m venv --system-site-packages ")


def test_not_installed(python, tmp_path, let_in):
    let_in("true")

    found = check_picamera2(NO_MODULE, python, tmp_path)

    assert (found.what, found.command) == ("picamera2 is not installed", INSTALL)


def test_another_python_than_the_systems_cannot_see_it(python, tmp_path, let_in, from_apt):
    let_in("true")
    other = replace(python, base_prefix=Path("/home/pi/.local/share/uv/python/cpython-3.12"))

    found = check_picamera2(NO_MODULE, other, tmp_path)

    assert found.command.startswith("/usr/bin/python3 -m venv --system-site-packages ~/edgecls-csi && ")


def test_outside_a_virtual_environment_it_is_seen(python, tmp_path, from_apt):
    system = replace(python, prefix=Path("/usr"))

    found = check_picamera2("ImportError: libcamera.so.0.5: cannot open", system, tmp_path)

    assert found.command == "sudo apt install -y --reinstall python3-picamera2"


def test_a_part_of_it_that_was_compiled_for_another_numpy(python, tmp_path, let_in, from_apt):
    let_in("true")
    why = (
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header"
    )

    found = check_picamera2(why, python, tmp_path)

    assert found.level is Level.PROBLEM
    assert found.command.endswith("-m pip install --force-reinstall --no-deps simplejpeg")


def test_a_camera_that_answers_is_fine_and_its_password_is_not_shown():
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = check_stream(f"http://user:secret@127.0.0.1:{server.getsockname()[1]}/")

    assert found.level is Level.OK
    assert "secret" not in found.what


def test_a_port_where_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    found = check_stream(f"rtsp://127.0.0.1:{port}/live")

    assert (found.level, found.what) == (
        Level.PROBLEM,
        f"rtsp://127.0.0.1:{port}/live: connection refused",
    )
    assert "check address and port" in found.advice
