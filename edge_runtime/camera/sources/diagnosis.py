"""Why a camera or stream could not be opened, asked of the system: OpenCV only says that it could not."""

import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ...errors import EdgeclsError, PermissionRefused, Unavailable
from .address import masked

_PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}
_CONNECT_S = 2.0
_PROC = Path("/proc")


@dataclass(frozen=True)
class Holder:
    """A process that has a file open."""

    pid: int
    name: str


def why_no_camera(path: str) -> EdgeclsError:
    """The error to raise for a camera's device path that OpenCV could not open."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except FileNotFoundError:
        return Unavailable(f"{path}: no such camera; {_present()}")
    except PermissionError:
        return PermissionRefused(f"permission denied: {path}; add the user to group video")
    except OSError as error:
        if error.errno != errno.EBUSY:
            return Unavailable(f"{path}: {(error.strerror or str(error)).lower()}; plug the camera in again")
        busy = True
    else:
        busy = False
    user = user_of(path)
    if busy or user:
        by = f" ({user})" if user else ""
        return Unavailable(f"{path}: in use by another process{by}; end it or choose another camera")
    return Unavailable(
        f"{path}: gives no pictures, perhaps not a camera; {_present()}, or run `edgecls doctor`"
    )


def why_no_stream(url: str) -> EdgeclsError:
    """The error to raise for an address from which FFmpeg got no video."""
    try:
        connect(url)
    except (OSError, UnicodeError) as error:
        return why_no_answer(url, error)
    return Unavailable(
        f"{masked(url)}: answers, but not with a video; check the path, the user and the password"
    )


def connect(url: str) -> None:
    """Connects to an address's host and port, and leaves again.

    Raises:
        OSError, UnicodeError: there is no such host, or nobody listens; see `why_no_answer`.
    """
    parts = urlsplit(url)
    port = parts.port or _PORTS[parts.scheme]
    socket.create_connection((parts.hostname or "", port), _CONNECT_S).close()


def why_no_answer(url: str, error: Exception) -> EdgeclsError:
    """The error to raise where connecting to an address, or asking for it, failed with `error`."""
    where, host = masked(url), urlsplit(url).hostname
    if isinstance(error, socket.gaierror | UnicodeError):  # a name that DNS cannot carry is a UnicodeError
        return Unavailable(f"{where}: host {host} not known; check the address and the network")
    if isinstance(error, TimeoutError):
        return Unavailable(f"{where}: no answer; check the address and that the camera is on")
    if why := getattr(error, "verify_message", ""):
        return Unavailable(
            f"{where}: its certificate is not trusted: {why}; name a file that holds it in SSL_CERT_FILE"
        )
    if isinstance(error, ConnectionResetError):
        return Unavailable(f"{where}: closed the connection; check that the camera is on")
    if isinstance(error, OSError):
        why = (error.strerror or str(error)).lower()
        return Unavailable(f"{where}: {why}; check the address, the port and that the camera is on")
    return Unavailable(f"{where}: does not speak HTTP; check the scheme and the port")


def why_refused(url: str, status: int, *, has_login: bool) -> EdgeclsError:
    """The error to raise for an address that a web server answered with a status other than 200."""
    parts = urlsplit(url)
    remedy = {
        401: "refuses this user or password; check both"
        if has_login
        else f"wants a user and a password; write {parts.scheme}://user:password@{parts.hostname}...",
        403: "forbids it; check the user's rights and the path",
        404: "knows no such path; check it in the camera's manual",
        503: "is busy; close other viewers of the camera",
    }
    said = remedy.get(status, f"answers with HTTP status {status}; check the path and the camera")
    return Unavailable(f"{masked(url)}: {said}")


def user_of(path: str) -> str | None:
    """Another process that has `path` open, as `name, pid 123`; None where none is seen; see `holders_of`."""
    return next((f"{holder.name}, pid {holder.pid}" for holder in holders_of(path)), None)


def holders_of(path: str, proc: Path = _PROC) -> list[Holder]:
    """The other processes that have `path` open. Without root, only those of the same user are seen."""
    device = os.path.realpath(path)
    found = []
    for process in proc.glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(str(link.readlink()) == device for link in (process / "fd").iterdir()):
                found.append(Holder(int(process.name), (process / "comm").read_text().strip()))
        except OSError:  # not ours to look at, or it ended meanwhile
            continue
    return sorted(found, key=lambda holder: holder.pid)


def _present() -> str:
    """What to do, with the cameras that are there."""
    cameras = sorted(str(path) for path in Path("/dev").glob("video*"))
    if cameras:
        return f"there is {', '.join(cameras)}"
    return "plug it in: there is no /dev/video*; one on the ribbon cable is `--source csi`"
