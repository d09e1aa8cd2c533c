"""Whether another process has the camera."""

import errno
import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path

from ..camera.diagnosis import Holder, holders_of
from .finding import Finding, ok, problem

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
