"""Checks of the camera: that it exists, is a camera, may be read, is free, and can be reached."""

import errno
import os
import shlex
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..camera.sources.address import masked
from ..camera.sources.diagnosis import Holder, holders_of
from ..camera.sources.network.connection import reach
from ..camera.sources.network.diagnosis import PROBE_S, why_no_answer
from .finding import Finding, from_error, ok, problem, warning
from .host import Python, User

try:
    import fcntl
except ImportError:  # Windows, which has no such devices
    fcntl = None

# Video devices: on a Raspberry Pi, most of /dev/video* are not cameras.

_CSI = ("unicam", "rp1-cfe")
"""Prefixes of the names of CSI receivers: up to the Pi 4, and on the Pi 5. They exist only if a sensor
answered, and deliver its raw data, which OpenCV cannot read."""
_NO_CAMERAS = ("bcm2835-codec", "bcm2835-isp", "pispbe", "rpi-hevc", "rpivid")
"""Video encoders, decoders and image processors, which exist with or without a camera."""


@dataclass(frozen=True)
class VideoNode:
    """Video device: one /dev/video*."""

    number: int
    card: str
    """The driver's name for it: `unicam-image`, or `HD Pro Webcam C920` for a USB camera."""

    @property
    def path(self) -> str:
        """The device's path."""
        return f"/dev/video{self.number}"

    @property
    def is_csi(self) -> bool:
        """Whether it is the receiver of a CSI camera, on a ribbon cable."""
        return self.card.startswith(_CSI)

    @property
    def is_camera(self) -> bool:
        """Whether OpenCV can read pictures from it."""
        return not self.card.startswith(_CSI + _NO_CAMERAS)


def video_nodes(root: Path) -> tuple[VideoNode, ...]:
    """Returns the video devices, sorted by number; `root` is the folder that holds sys."""
    found: list[VideoNode] = []
    for node in (root / "sys/class/video4linux").glob("video*"):
        number = node.name.removeprefix("video")
        try:
            found.append(
                VideoNode(int(number), (node / "name").read_text(encoding="utf-8", errors="replace").strip())
            )
        except (OSError, ValueError):  # unplugged in the meantime
            continue
    return tuple(sorted(found, key=lambda node: node.number))


_LIST_CSI = "rpicam-hello --list-cameras"
_CABLE = "switch the board off and reconnect the ribbon cable, with the contacts on the right side"


def check_default(nodes: Sequence[VideoNode]) -> Finding:
    """Checks that /dev/video0, which `edgecls camera` uses without --source, is a camera."""
    check = "camera"
    first = next((node for node in nodes if node.is_camera), None)
    if first and first.number == 0:
        return ok(check, f"{first.path}: {first.card}")
    if first:
        return warning(
            check, f"/dev/video0 is not a camera, but {first.path} is ({first.card})", _take(first)
        )
    if any(node.is_csi for node in nodes):
        return warning(
            check,
            "the camera is a CSI camera, which /dev/video0 cannot read",
            "edgecls camera --source csi",
        )
    return warning(
        check,
        "no camera was found",
        "edgecls camera --source demo",
        "plug one in, or try the demo camera, which needs none",
    )


def check_device(path: str, nodes: Sequence[VideoNode], root: Path) -> Finding:
    """Checks that a device exists and is a camera that OpenCV can read.

    Args:
        path: such as /dev/video0, or a link to it.
        nodes: the video devices of the machine.
        root: the folder that holds dev.
    """
    check = "camera"
    device = root / path.lstrip("/")
    if not device.exists():
        return problem(check, f"{path}: no such camera", *_instead(nodes))
    node = next((node for node in nodes if f"video{node.number}" == device.resolve().name), None)
    if node and node.is_csi:
        return problem(
            check,
            f"{path} receives the raw data of the CSI camera ({node.card}), which OpenCV cannot read",
            "edgecls camera --source csi",
        )
    if node and not node.is_camera:
        return problem(check, f"{path} is not a camera ({node.card})", *_instead(nodes))
    return ok(check, f"{path}: {node.card}" if node else f"{path} exists")


def check_csi(nodes: Sequence[VideoNode]) -> Finding:
    """Checks that the kernel found a CSI camera, on a ribbon cable."""
    check = "camera"
    found = next((node for node in nodes if node.is_csi), None)
    if found:
        return ok(check, f"a CSI camera ({found.card})")
    return problem(check, "no CSI camera was found", _LIST_CSI, f"if it lists none, {_CABLE}")


def check_permission(path: str, user: User, root: Path) -> Finding:
    """Checks that the user may read a camera.

    Args:
        path: such as /dev/video0.
        user: with the groups of this session.
        root: the folder that holds dev and etc.
    """
    check = "permission"
    device = root / path.lstrip("/")
    try:
        os.close(os.open(device, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError:
        return _refused(path, device.stat().st_gid, user, root)
    except OSError as error:
        return problem(
            check, f"{path}: {(error.strerror or str(error)).lower()}", advice="plug the camera in again"
        )
    return ok(check, f"{path} can be read")


def _refused(path: str, group_id: int, user: User, root: Path) -> Finding:
    group, members = _group(root, group_id)
    name = shlex.quote(user.name)
    if user.name in members and group_id not in user.group_ids:
        return problem(
            "permission",
            f"{path}: {user.name} was added to group {group} after this session started",
            f"newgrp {group}",
            "or log out and in again",
        )
    return problem(
        "permission",
        f"{path}: permission denied, as {user.name} is not in group {group}",
        f"sudo usermod -aG {group} {name}",
        "then log out and in again",
    )


def _group(root: Path, group_id: int) -> tuple[str, list[str]]:
    """Returns a group's name and members; `video`, which it should be, if it is unknown."""
    try:
        lines = (root / "etc/group").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "video", []
    for line in lines:
        name, _, number, members = (line.split(":") + [""] * 3)[:4]
        if number == str(group_id):
            return name, members.split(",")
    return "video", []


def _instead(nodes: Sequence[VideoNode]) -> tuple[str, str]:
    """Returns the command for a camera that exists, or the advice if there is none."""
    found = next((node for node in nodes if node.is_camera), None)
    if found:
        return _take(found), f"which is {found.card}"
    if any(node.is_csi for node in nodes):
        return "edgecls camera --source csi", "which is the CSI camera"
    return "", "plug one in; `lsusb` shows whether the system sees it"


def _take(node: VideoNode) -> str:
    return f"edgecls camera --source {node.number}"


# Use by another process.

_REQBUFS = 0xC0145608
"""VIDIOC_REQBUFS of linux/videodev2.h: requests a camera's buffers; refused while another process has
them."""
_ONE_BUFFER = struct.pack("=IIIIi", 1, 1, 1, 0, 0)
"""struct v4l2_requestbuffers: count 1, V4L2_BUF_TYPE_VIDEO_CAPTURE, V4L2_MEMORY_MMAP, and zeros."""

_IDLE_HOLDERS = ("pipewire", "wireplumber")
"""They keep every camera of a desktop open, without using it."""
_LAUNCHERS = ("cron.service", "rc-local.service")
"""Programs started by these stay in their control group."""


def buffers_are_taken(device: Path) -> bool | None:
    """Returns whether another process has a camera's buffers; None if the device does not say.

    That a process has the camera open says little: several may, but only one gets pictures.
    """
    if fcntl is None:
        return None
    try:
        handle = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.ioctl(handle, _REQBUFS, _ONE_BUFFER)
    except OSError as error:
        return True if error.errno == errno.EBUSY else None
    else:
        return False
    finally:
        os.close(handle)  # which frees the buffer


def check_busy(path: str, root: Path, is_taken: Callable[[Path], bool | None] = buffers_are_taken) -> Finding:
    """Checks that no other process takes pictures from a camera, and finds out which one does.

    Args:
        path: such as /dev/video0, which this user may read.
        root: the folder that holds dev and proc.
        is_taken: asks the device.
    """
    check = "busy"
    device = root / path.lstrip("/")
    holders = holders_of(str(device), root / "proc")
    takers = [holder for holder in holders if holder.name not in _IDLE_HOLDERS]
    taken = is_taken(device)
    if taken is False or (taken is None and not takers):
        return ok(check, f"{path} is free")
    if not holders:
        return problem(
            check,
            f"{path} is in use by a process of another user",
            f"sudo fuser -v {path}",
            "then end that process",
        )
    named = " and ".join(f"{holder.name}, pid {holder.pid}" for holder in takers or holders)
    return problem(check, f"{path} is in use by {named}", _end((takers or holders)[0], root / "proc"))


def _end(holder: Holder, proc: Path) -> str:
    """Returns the command that ends a process; a killed service would only be restarted."""
    try:
        group = (proc / str(holder.pid) / "cgroup").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # it ended in the meantime
        group = ""
    unit = group.rpartition("/")[2]
    if "/system.slice/" in group and unit.endswith(".service") and unit not in _LAUNCHERS:
        return f"sudo systemctl stop {unit}"
    return f"kill {holder.pid}"


# CSI cameras: picamera2, which reads them, comes from apt, not from pip.

PICAMERA2_STATEMENT = "import picamera2"
"""A statement that fails if picamera2 cannot be loaded."""

_PICAMERA2_FOLDER = "usr/lib/python3/dist-packages/picamera2"
_INSTALL_PICAMERA2 = "sudo apt install -y python3-picamera2"


def check_picamera2(error: str | None, python: Python, root: Path) -> Finding:
    """Checks that picamera2 can be loaded from this environment.

    Args:
        error: of importing it; None if it can be imported.
        python: the environment.
        root: the folder that holds usr.
    """
    check = "picamera2"
    if error is None:
        return ok(check, "can be loaded")
    if "dtype size changed" in error:  # picamera2 #1211: apt's simplejpeg is compiled for numpy 1
        return problem(
            check,
            "picamera2 cannot be loaded: the system's simplejpeg was compiled for an older numpy",
            python.pip("install", "--force-reinstall", "--no-deps", "simplejpeg"),
        )
    installed = (root / _PICAMERA2_FOLDER).exists()
    steps = [] if installed else [_INSTALL_PICAMERA2]
    what = "installed" if installed else "not installed"
    if not _sees_system_packages(python):
        steps.append(_with_system_packages(python))
        what += ", and this virtual environment does not see the system's packages"
    if steps:
        return problem(check, f"picamera2 is {what}", " && ".join(steps))
    return problem(
        check, f"picamera2 cannot be loaded: {error}", _INSTALL_PICAMERA2.replace("-y", "-y --reinstall")
    )


def _sees_system_packages(python: Python) -> bool:
    if python.base_prefix != Path("/usr"):  # another Python than the system's, such as uv's or pyenv's
        return False
    if not python.is_virtual:
        return True
    try:
        lines = (python.prefix / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return "include-system-site-packages = true" in (line.strip().lower() for line in lines)


def _with_system_packages(python: Python) -> str:
    if python.base_prefix == Path("/usr"):  # recreated in place, it keeps the packages in it
        return f"/usr/bin/python3 -m venv --system-site-packages {shlex.quote(str(python.prefix))}"
    return (
        "/usr/bin/python3 -m venv --system-site-packages ~/edgecls-csi "
        "&& ~/edgecls-csi/bin/pip install edgecls"
    )


# Network cameras.


def check_stream(url: str) -> Finding:
    """Checks that something listens at a stream's host and port, whether it is a video or not."""
    try:
        reach(url, PROBE_S)
    except (OSError, UnicodeError) as error:
        return from_error("stream", why_no_answer(url, error))
    return ok("stream", f"{masked(url)}: {urlsplit(url).hostname} answers")
