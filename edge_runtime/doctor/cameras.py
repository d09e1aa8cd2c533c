"""Whether the camera that is asked for is one, and whether this user may read it."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from .finding import Finding, ok, problem, warning
from .machine import User
from .video_nodes import VideoNode

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
