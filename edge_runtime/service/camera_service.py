"""A camera loop as a service: what it runs, what it may reach, and where its files are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..camera.source_address import CsiCamera, Device, LiveAddress, Stream
from ..errors import BadConfiguration, UsageError
from ..page.address import parse_address
from ..page.guard import checked_token

UNITS = Path("/etc/systemd/system")
SETTINGS = Path("/etc/edgecls")
STATE = Path("/var/lib/edgecls")

Network = Literal["none", "loopback", "any"]
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class CameraService:
    """One camera's service."""

    name: str
    """Of the camera; the unit is `edgecls-<name>`."""
    python: Path
    """The interpreter of the environment that edgecls is installed in."""
    arguments: tuple[str, ...]
    """After `edgecls camera`."""
    description: str
    """Of the source, with any password masked."""
    uses_camera: bool
    """Whether it opens devices of this computer."""
    network: Network
    reads: tuple[Path, ...] = ()
    """Folders that its Python needs: the environment, and what it is linked to."""
    copied: tuple[Path, ...] = ()
    """Files that become the service's own: the model, and its labels where they are a file."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that no unit, journal or list of processes shall show."""

    @property
    def unit(self) -> str:
        """Such as `edgecls-camera`."""
        return unit_of(self.name)

    @property
    def settings(self) -> Path:
        """The folder of what it reads: root's."""
        return settings_of(self.name)

    @property
    def state(self) -> Path:
        """The folder of what it writes, where it also runs."""
        return state_of(self.name)


def unit_of(name: str) -> str:
    """The unit of a camera's name.

    Raises:
        UsageError: not a name.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"--name {name}: not a name for a camera; use small letters, digits and -")
    return f"edgecls-{name}"


def settings_of(name: str) -> Path:
    """Where the service of a camera finds what it reads."""
    return SETTINGS / name


def state_of(name: str) -> Path:
    """Where the service of a camera writes."""
    return STATE / name


def network_of(address: LiveAddress, serve: str | None) -> Network:
    """What of the network the service needs: for its source, and for the viewers of its page."""
    if isinstance(address, Stream) or (serve and parse_address(serve).host not in _LOOPBACK):
        return "any"
    return "loopback" if serve else "none"


def uses_camera(address: LiveAddress) -> bool:
    """Whether the source is a device of this computer."""
    return isinstance(address, Device | CsiCamera)


def check_events(path: Path, name: str) -> None:
    """Checks that a file of events lies where the service may write; a relative name does.

    Raises:
        BadConfiguration: it lies elsewhere.
    """
    state = state_of(name)
    if ".." in path.parts or not (state / path).is_relative_to(state):
        raise BadConfiguration(
            f"--events {path}: the service may write only in {state}; write --events {path.name}"
        )


def check_page(serve: str, token: str | None) -> None:
    """Checks what `PageSink` would, without listening: the service may be running already.

    Raises:
        UsageError: not an address.
        BadConfiguration: no token where one is needed, or one that is easy to guess.
    """
    address = parse_address(serve)
    if token:
        checked_token(token)
    elif address.host not in _LOOPBACK:
        raise BadConfiguration(
            f"--serve {address}: others could watch; set EDGECLS_TOKEN, or leave out the host"
        )
