"""Service unit: the systemd unit file of a camera (systemd.unit(5), systemd.service(5), systemd.exec(5))."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..camera.sources.address import CsiCamera, Device, LiveAddress, Stream
from ..errors import UsageError
from ..page.server import parse_address
from ..text import first_unsafe, printable

UNITS = Path("/etc/systemd/system")
SETTINGS = Path("/etc/edgecls")
STATE = Path("/var/lib/edgecls")
SECRETS_NAME = "secrets.env"
"""The file of a service's secrets, beside the files that are copied for it."""

Network = Literal["none", "loopback", "any"]
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_MOST_SHOWN = 40  # characters of what is no name


@dataclass(frozen=True)
class CameraService:
    """What a camera's service runs, what it may reach, and where its files are."""

    name: str
    """Name of the camera; the unit is `edgecls-<name>`."""
    python: Path
    """Interpreter of the environment in which edgecls is installed."""
    arguments: tuple[str, ...]
    """Arguments after `edgecls camera`."""
    description: str
    """The source, with secrets masked."""
    uses_camera: bool
    """Whether it opens devices of this computer."""
    network: Network
    reads: tuple[Path, ...] = ()
    """Folders that its Python needs: the environment, and what it is linked to."""
    copied: tuple[Path, ...] = ()
    """Files that are copied for the service: the model, and a label file if there is one."""
    pins: tuple[str, ...] = ()
    """Pins that its actions switch, as `pin_child` takes them: `17`, `27:low`."""
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Environment variables that must not appear in a unit, a journal or a process list."""

    @property
    def unit(self) -> str:
        """Such as `edgecls-camera`."""
        return unit_of(self.name)

    @property
    def settings(self) -> Path:
        """Folder of what it reads, owned by root."""
        return settings_of(self.name)

    @property
    def state(self) -> Path:
        """Folder that it writes to and runs in."""
        return state_of(self.name)


def unit_of(name: str) -> str:
    """The unit of a camera's name.

    Raises:
        UsageError: not a name.
    """
    if not _NAME.fullmatch(name):
        shown = printable(name if len(name) <= _MOST_SHOWN else f"{name[:_MOST_SHOWN]}...")
        raise UsageError(
            f"--name {shown}: not a name for a camera; use 1 to 31 small letters, digits and -, a letter or "
            "digit first"
        )
    return f"edgecls-{name}"


def settings_of(name: str) -> Path:
    """Returns the folder from which a camera's service reads."""
    return SETTINGS / name


def state_of(name: str) -> Path:
    """Returns the folder that a camera's service writes to."""
    return STATE / name


def network_of(address: LiveAddress, serve: str | None, hosts: Sequence[str] = ()) -> Network:
    """Returns the network access that the service needs.

    Args:
        address: its source.
        serve: the address of its page.
        hosts: those of its webhooks and its broker.
    """
    reached = [*hosts, *([parse_address(serve).host] if serve else [])]
    if isinstance(address, Stream) or not set(reached) <= {*LOOPBACK}:
        return "any"
    return "loopback" if reached else "none"


def uses_camera(address: LiveAddress) -> bool:
    """Whether the source is a device of this computer."""
    return isinstance(address, Device | CsiCamera)


PIN_MODULE = "edgecls.edge_runtime.camera.actions.pin_child"
WATCHDOG_S = 60
"""A slow SD card may hold a write up for tens of seconds; a loop that says nothing for longer hangs."""
HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108 - they are named, not used
"""Folders that the service sees empty, but for what it reads."""

_UNIT = """\
# Written by `edgecls service install`, which writes it anew. For changes of
# your own: sudo systemctl edit {unit}
[Unit]
Description=edgecls camera: {description}
{after}# However long a camera is away or a fault lasts: never give up for good.
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command}
{pins_off}WorkingDirectory={state}
# A hung loop is killed, with a traceback of where it hangs. An absent camera
# is waited for.
WatchdogSec={watchdog_s}
Restart=on-failure
RestartSec=10
# Usage, damaged model, no such file, permissions, configuration: another start
# would end the same way.
RestartPreventExitStatus=2 65 66 77 78
TimeoutStartSec=120
TimeoutStopSec=15
KillMode=mixed

# A machine that stays usable, whatever a camera sends.
Nice=5
CPUWeight=50
MemoryMax=50%
OOMPolicy=continue
OOMScoreAdjust=300
TasksMax=128
LimitCORE=0

Environment=PYTHONUNBUFFERED=1 PYTHONFAULTHANDLER=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
# Where it keeps which model files it has tried out already.
Environment=XDG_STATE_HOME={state}
{secrets}
# A user of its own, which exists while it runs, and one folder to write in.
DynamicUser=yes
StateDirectory={state_directory}
UMask=0077
CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=tmpfs
{reads}PrivateTmp=yes
PrivateUsers=yes
PrivateIPC=yes
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
{devices}
{network}
[Install]
WantedBy=multi-user.target
"""

_CLOSED = """
# Nothing in /dev but what follows.
DevicePolicy=closed
"""
_CAMERA = """\
# Cameras on USB and on the ribbon cable. libcamera takes its buffers from
# dma_heap.
SupplementaryGroups=video
DeviceAllow=char-video4linux rw
DeviceAllow=char-media rw
DeviceAllow=char-dma_heap rw
"""
_PINS = """\
# Pins that its actions switch.
SupplementaryGroups=gpio
DeviceAllow=char-gpiochip rw
Environment=LG_WD=/tmp
"""
_NO_DEVICES = """
# Its pictures come from no camera of this machine: nothing in /dev.
PrivateDevices=yes
"""

# AF_NETLINK, as libcamera listens for cameras that come and go.
_NETWORK: dict[Network, str] = {
    "none": """\
PrivateNetwork=yes
RestrictAddressFamilies=AF_UNIX AF_NETLINK
IPAddressDeny=any
""",
    "loopback": """\
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6
IPAddressAllow=localhost
IPAddressDeny=any
""",
    "any": """\
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6
""",
}
_AFTER_NETWORK = """\
Wants=network-online.target
After=network-online.target
"""


def unit_text(service: CameraService) -> str:
    """The whole unit file of a camera service.

    Raises:
        UsageError: an option, a name or a path cannot stand in a unit.
    """
    # -P, as the working folder is the one that the service writes in: no module there stands in for ours.
    command = (str(service.python), "-P", "-m", "edgecls.cli", "camera", *service.arguments)
    shown = [path for path in service.reads if is_hidden(path)]
    return _UNIT.format(
        unit=service.unit,
        description=_described(service.description),
        after=_AFTER_NETWORK if service.network == "any" else "",
        command=_command_line(command),
        state=service.state,
        watchdog_s=WATCHDOG_S,
        secrets=_secrets(service),
        state_directory=service.state.relative_to("/var/lib"),
        reads="".join(f"BindReadOnlyPaths={quoted(str(path))}\n" for path in shown),
        devices=_devices(service),
        pins_off=_pins_off(service),
        network=_NETWORK[service.network],
    )


def _secrets(service: CameraService) -> str:
    if not service.secrets:
        return ""
    lines = "".join(f'#   {name}="..."\n' for name in service.secrets)
    file = service.settings / SECRETS_NAME
    return f"# Written by install, for root alone to read:\n{lines}EnvironmentFile={file}\n"


def _devices(service: CameraService) -> str:
    if not (service.uses_camera or service.pins):
        return _NO_DEVICES
    return _CLOSED + (_CAMERA if service.uses_camera else "") + (_PINS if service.pins else "")


def _pins_off(service: CameraService) -> str:
    """Turns the pins off after the service, also where systemd has killed every process of it."""
    if not service.pins:
        return ""
    command = (str(service.python), "-P", "-m", PIN_MODULE, "off", *service.pins)
    return f"ExecStopPost={_command_line(command)}\n"


def is_hidden(path: Path) -> bool:
    """Whether the service does not see a path unless it is named to it."""
    return any(path.is_relative_to(folder) for folder in HIDDEN)


# Escaping, by systemd.syntax(7) and "COMMAND LINES" of systemd.service(5). `systemd` reads it back in a test.

_NOT_IN_A_PROGRAM = frozenset("\"'\\")
"""systemd takes no program with one of them in its path, however it is escaped."""


def _command_line(command: Sequence[str]) -> str:
    """The value of `ExecStart=`; the colon keeps `$` what it is, in the program's path too."""
    if not _NOT_IN_A_PROGRAM.isdisjoint(command[0]):
        raise UsageError(
            f"{command[0]}: systemd runs no program with a quote or a backslash in its path; install edgecls "
            "in another folder"
        )
    return ":" + " ".join(map(quoted, command))


def quoted(word: str) -> str:
    """A word of `ExecStart=:` or `BindReadOnlyPaths=`: no specifiers, no escapes, no splitting at blanks.

    >>> quoted("http://cam/%41?a=$b c")
    '"http://cam/%%41?a=$b c"'

    Raises:
        UsageError: it holds an end of a line or another control character.
    """
    refuse_unsafe(word)
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    is_plain = text == word and word and not any(c.isspace() or c in "';" for c in word)
    return text if is_plain else f'"{text}"'


def _described(description: str) -> str:
    """The source in `Description=`, which has no quotes: a backslash at its end would join the next line."""
    refuse_unsafe(description)
    return description.replace("%", "%%").rstrip("\\")


def environment_file(variables: Mapping[str, str]) -> str:
    """The lines of an `EnvironmentFile=`.

    Raises:
        UsageError: a value holds an end of a line or another control character; it is not shown.
    """
    lines: list[str] = []
    for name, value in variables.items():
        refuse_unsafe(value, name)
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
        lines.append(f'{name}="{escaped}"\n')
    return "".join(lines)


def refuse_unsafe(text: str, name: str = "") -> None:
    """Refuses what could write a line of its own, or hide one from a reader, in a file of systemd's.

    Raises:
        UsageError: naming the text, or `name` where the text is a secret.
    """
    if found := first_unsafe(text):
        raise UsageError(
            f"{name or printable(text)}: a service cannot have {found} in an option or a name; leave it out, "
            "or rename the file"
        )
