"""Whether the camera that is asked for is one, and whether this user may read it."""

import errno
import fcntl
import os
import shlex
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..camera.sources.address import masked
from ..camera.sources.diagnosis import Holder, connect, holders_of, why_no_answer
from .finding import Finding, from_error, ok, problem, warning
from .host import Python, User

# What the kernel calls /dev/video0 and its like: on a Raspberry Pi, most of them are no cameras.

_CSI = ("unicam", "rp1-cfe")
"""How the names of the receivers of a ribbon cable begin: up to the Pi 4, and on the Pi 5. They are there
only when a sensor answered, and give its raw data, which OpenCV cannot use."""
_NO_CAMERAS = ("bcm2835-codec", "bcm2835-isp", "pispbe", "rpi-hevc", "rpivid")
"""Video encoders and decoders and picture processors, there with or without a camera."""


@dataclass(frozen=True)
class VideoNode:
    """One /dev/video*."""

    number: int
    card: str
    """What its driver calls it: `unicam-image`, or `HD Pro Webcam C920` for a USB camera."""

    @property
    def path(self) -> str:
        """What a user calls it."""
        return f"/dev/video{self.number}"

    @property
    def is_csi(self) -> bool:
        """Whether a camera on a ribbon cable is behind it."""
        return self.card.startswith(_CSI)

    @property
    def is_camera(self) -> bool:
        """Whether OpenCV may get pictures from it."""
        return not self.card.startswith(_CSI + _NO_CAMERAS)


def video_nodes(root: Path) -> tuple[VideoNode, ...]:
    """The video devices of this machine, in order of their numbers; `root` is where sys is."""
    found = []
    for node in (root / "sys/class/video4linux").glob("video*"):
        number = node.name.removeprefix("video")
        try:
            found.append(VideoNode(int(number), (node / "name").read_text().strip()))
        except (OSError, ValueError):  # unplugged meanwhile
            continue
    return tuple(sorted(found, key=lambda node: node.number))


_LIST_CSI = "rpicam-hello --list-cameras"
_CABLE = "switch the board off and seat the ribbon cable again, contacts to the right side"


def check_default(nodes: Sequence[VideoNode]) -> Finding:
    """Whether `edgecls camera` without --source, which takes /dev/video0, finds a camera there."""
    check = "camera"
    first = next((node for node in nodes if node.is_camera), None)
    if first and first.number == 0:
        return ok(check, f"{first.path}: {first.card}")
    if first:
        return warning(check, f"/dev/video0 is no camera; {first.path} is ({first.card})", _take(first))
    if any(node.is_csi for node in nodes):
        return warning(
            check,
            "the camera is on the ribbon cable, and not what /dev/video0 gives",
            "edgecls camera --source csi",
        )
    return warning(
        check,
        "no camera of this machine was found",
        "edgecls camera --source demo",
        "which needs none; or plug one in",
    )


def check_device(path: str, nodes: Sequence[VideoNode], root: Path) -> Finding:
    """Whether a device that was asked for is there, and a camera that OpenCV can read.

    Args:
        path: such as /dev/video0, or a link to it.
        nodes: the video devices of the machine.
        root: where dev is.
    """
    check = "camera"
    device = root / path.lstrip("/")
    if not device.exists():
        return problem(check, f"{path}: no such camera", *_instead(nodes))
    node = next((node for node in nodes if f"video{node.number}" == device.resolve().name), None)
    if node and node.is_csi:
        return problem(
            check,
            f"{path} receives the raw data of the camera on the ribbon cable ({node.card}), which OpenCV "
            "cannot read",
            "edgecls camera --source csi",
        )
    if node and not node.is_camera:
        return problem(check, f"{path} is no camera ({node.card})", *_instead(nodes))
    return ok(check, f"{path}: {node.card}" if node else f"{path} is there")


def check_csi(nodes: Sequence[VideoNode]) -> Finding:
    """Whether the kernel found a camera on a ribbon cable."""
    check = "camera"
    found = next((node for node in nodes if node.is_csi), None)
    if found:
        return ok(check, f"a camera on the ribbon cable ({found.card})")
    return problem(check, "no camera was found on the ribbon cable", _LIST_CSI, f"if it lists none, {_CABLE}")


def check_permission(path: str, user: User, root: Path) -> Finding:
    """Whether this user may read a camera.

    Args:
        path: such as /dev/video0.
        user: with the groups of this session.
        root: where dev and etc are.
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
    return ok(check, f"{path} may be read")


def _refused(path: str, group_id: int, user: User, root: Path) -> Finding:
    group, members = _group(root, group_id)
    name = shlex.quote(user.name)
    if user.name in members and group_id not in user.group_ids:
        return problem(
            "permission",
            f"{path}: this session began before {user.name} came into group {group}",
            f"newgrp {group}",
            "or log out and in again",
        )
    return problem(
        "permission",
        f"{path}: {user.name} may not read it, not being in group {group}",
        f"sudo usermod -aG {group} {name}",
        "then log out and in again",
    )


def _group(root: Path, group_id: int) -> tuple[str, list[str]]:
    """A group's name and members; `video`, which it should be, where it is not known."""
    try:
        lines = (root / "etc/group").read_text().splitlines()
    except OSError:
        return "video", []
    for line in lines:
        name, _, number, members = (line.split(":") + [""] * 3)[:4]
        if number == str(group_id):
            return name, members.split(",")
    return "video", []


def _instead(nodes: Sequence[VideoNode]) -> tuple[str, str]:
    """The command with a camera that is there, and what to do without."""
    found = next((node for node in nodes if node.is_camera), None)
    if found:
        return _take(found), f"which is {found.card}"
    if any(node.is_csi for node in nodes):
        return "edgecls camera --source csi", "which is on the ribbon cable"
    return "", "plug one in; `lsusb` shows whether the system sees it"


def _take(node: VideoNode) -> str:
    return f"edgecls camera --source {node.number}"


# Whether another process has the camera.

_REQBUFS = 0xC0145608
"""VIDIOC_REQBUFS of linux/videodev2.h: asks for a camera's buffers, and is refused while another has them."""
_ONE_BUFFER = struct.pack("=IIIIi", 1, 1, 1, 0, 0)
"""struct v4l2_requestbuffers: count 1, V4L2_BUF_TYPE_VIDEO_CAPTURE, V4L2_MEMORY_MMAP, and zeros."""

_WATCHERS = ("pipewire", "wireplumber")
"""They hold every camera of a desktop open, whether anybody looks or not."""
_LAUNCHERS = ("cron.service", "rc-local.service")
"""What people have begun by these stays in their group of processes."""


def buffers_are_taken(device: Path) -> bool | None:
    """Whether a camera's buffers are with another process; None where it does not say.

    That a process has the camera open says little: many may, but one only gets pictures.
    """
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
        os.close(handle)  # and with it goes the buffer


def check_busy(path: str, root: Path, is_taken: Callable[[Path], bool | None] = buffers_are_taken) -> Finding:
    """Whether another process takes pictures from a camera, and which.

    Args:
        path: such as /dev/video0, which this user may read.
        root: where dev and proc are.
        is_taken: asks the camera.
    """
    check = "busy"
    device = root / path.lstrip("/")
    holders = holders_of(str(device), root / "proc")
    takers = [holder for holder in holders if holder.name not in _WATCHERS]
    taken = is_taken(device)
    if taken is False or (taken is None and not takers):
        return ok(check, f"{path} is free")
    if not holders:
        return problem(
            check, f"{path} is in use by a process of another user", f"sudo fuser -v {path}", "end it"
        )
    named = " and ".join(f"{holder.name}, pid {holder.pid}" for holder in takers or holders)
    return problem(check, f"{path} is in use by {named}", _end((takers or holders)[0], root / "proc"))


def _end(holder: Holder, proc: Path) -> str:
    """The command that ends a process: a service that is killed would only be started again."""
    try:
        group = (proc / str(holder.pid) / "cgroup").read_text().strip()
    except OSError:  # it ended meanwhile
        group = ""
    unit = group.rpartition("/")[2]
    if "/system.slice/" in group and unit.endswith(".service") and unit not in _LAUNCHERS:
        return f"sudo systemctl stop {unit}"
    return f"kill {holder.pid}"


# Whether the camera on a Raspberry Pi's ribbon cable can be read: picamera2 comes from apt, not from pip.

STATEMENT = "import picamera2"
"""What shows whether it can be loaded."""

_PACKAGE = "usr/lib/python3/dist-packages/picamera2"
_INSTALL = "sudo apt install -y python3-picamera2"


def check_picamera2(why_not: str | None, python: Python, root: Path) -> Finding:
    """Whether picamera2 can be loaded from this environment.

    Args:
        why_not: what goes wrong with it; None: nothing.
        python: the environment.
        root: where usr is.
    """
    check = "picamera2"
    if why_not is None:
        return ok(check, "can be loaded")
    if "dtype size changed" in why_not:  # picamera2 #1211: apt's was compiled for the system's numpy 1
        return problem(
            check,
            "picamera2 cannot be loaded: the system's simplejpeg was compiled for an older numpy",
            python.pip("install", "--force-reinstall", "--no-deps", "simplejpeg"),
        )
    installed = (root / _PACKAGE).exists()
    steps = [] if installed else [_INSTALL]
    what = "installed" if installed else "not installed"
    if not _sees_system_packages(python):
        steps.append(_let_in_system_packages(python))
        what += ", and this virtual environment does not see the system's packages"
    if steps:
        return problem(check, f"picamera2 is {what}", " && ".join(steps))
    return problem(check, f"picamera2 cannot be loaded: {why_not}", _INSTALL.replace("-y", "-y --reinstall"))


def _sees_system_packages(python: Python) -> bool:
    if python.base_prefix != Path("/usr"):  # another Python than the system's, such as uv's or pyenv's
        return False
    if not python.is_virtual:
        return True
    try:
        lines = (python.prefix / "pyvenv.cfg").read_text().splitlines()
    except OSError:
        return False
    return "include-system-site-packages = true" in (line.strip().lower() for line in lines)


def _let_in_system_packages(python: Python) -> str:
    if python.base_prefix == Path("/usr"):  # made again in its place, it keeps what is installed in it
        return f"/usr/bin/python3 -m venv --system-site-packages {shlex.quote(str(python.prefix))}"
    return (
        "/usr/bin/python3 -m venv --system-site-packages ~/edgecls-csi "
        "&& ~/edgecls-csi/bin/pip install edgecls"
    )


# Whether a camera on the network can be reached.


def check_stream(url: str) -> Finding:
    """Whether something listens at a stream's host and port, be it a video or not."""
    try:
        connect(url)
    except (OSError, UnicodeError) as error:
        return from_error("stream", why_no_answer(url, error))
    return ok("stream", f"{masked(url)}: {urlsplit(url).hostname} answers")
