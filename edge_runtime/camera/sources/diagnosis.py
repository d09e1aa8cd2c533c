"""Finds out why a camera of this computer could not be opened: OpenCV only says that it could not."""

import errno
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ...errors import EdgeclsError, PermissionRefused, Unavailable

_PROC = Path("/proc")
_REMEDIES = {
    "win32": "plug it in, close other programs that use it, and see Settings, Privacy, Camera",
    "darwin": "plug it in, and let the terminal use it in System Settings, Privacy & Security, Camera",
}


@dataclass(frozen=True)
class Holder:
    """A process that has a file open."""

    pid: int
    name: str


def why_no_camera(path: str) -> EdgeclsError:
    """Returns the error to raise for a camera device that OpenCV could not open."""
    if path.isdecimal():  # its index, where there are no devices to look at
        return Unavailable(f"camera {path}: cannot be opened; {_REMEDIES.get(sys.platform, 'plug it in')}")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except FileNotFoundError:
        return Unavailable(f"{path}: no such camera; {_present()}")
    except PermissionError:
        return PermissionRefused(f"permission denied: {path}; add the user to group video")
    except OSError as error:
        if error.errno != errno.EBUSY:
            return Unavailable(f"{path}: {(error.strerror or str(error)).lower()}; plug the camera in again")
        is_busy = True
    else:
        is_busy = False
    holder = first_holder(path)
    if is_busy or holder:
        by = f" ({holder})" if holder else ""
        return Unavailable(f"{path}: in use by another process{by}; end it or choose another camera")
    return Unavailable(
        f"{path}: gives no pictures, perhaps not a camera; {_present()}, or run `edgecls doctor`"
    )


def first_holder(path: str) -> str | None:
    """Returns a process that has `path` open, as `name, pid 123`; None if none is seen; see `holders_of`."""
    return next((f"{holder.name}, pid {holder.pid}" for holder in holders_of(path)), None)


def holders_of(path: str, proc: Path = _PROC) -> list[Holder]:
    """Returns the other processes that have `path` open; without root, those of the same user."""
    device = os.path.realpath(path)
    found: list[Holder] = []
    for process in proc.glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(str(link.readlink()) == device for link in (process / "fd").iterdir()):
                found.append(
                    Holder(
                        int(process.name),
                        (process / "comm").read_text(encoding="utf-8", errors="replace").strip(),
                    )
                )
        except OSError:  # of another user, or it has ended
            continue
    return sorted(found, key=lambda holder: holder.pid)


def not_waited_for(error: Exception, name: str) -> EdgeclsError:
    """Returns the error to raise where a source failed with `error` at once and nobody waits for it.

    It names what else there is: the cameras of this computer, and the demo camera.
    """
    if not isinstance(error, EdgeclsError):
        error = Unavailable(f"{name}: the stream ended before its first picture")
    said, cameras = str(error), sorted(str(path) for path in Path("/dev").glob("video*"))
    found = f"there is {', '.join(cameras)}" if cameras else "there is no /dev/video*"
    others = "" if found in said or sys.platform != "linux" else f"; {found}"
    return type(error)(f"{said}{others}; `--source demo` needs no camera, and `--wait` waits for this one")


def _present() -> str:
    """Returns advice that names the cameras that are there."""
    cameras = sorted(str(path) for path in Path("/dev").glob("video*"))
    if cameras:
        return f"there is {', '.join(cameras)}"
    return "plug one in (there is no /dev/video*), or use `--source csi` for a CSI camera"
