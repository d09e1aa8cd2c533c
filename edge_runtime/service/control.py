"""Service control: installs and removes a camera service, and reads its status from systemd."""

import os
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import BadConfiguration, MissingInput, PermissionRefused, Unavailable, writing_failed
from ..files import MODEL_BYTES, read_whole, write_whole
from ..text import printable
from .unit import (
    SECRETS_NAME,
    UNITS,
    CameraService,
    environment_file,
    is_hidden,
    settings_of,
    state_of,
    unit_of,
    unit_text,
)

Systemctl = Callable[..., str]
"""Runs systemctl with these arguments and returns its output; raises EdgeclsError."""


def systemctl(*arguments: str) -> str:
    """Runs systemctl.

    Raises:
        PermissionRefused: only root may.
        Unavailable: there is none, or it refuses.
    """
    try:
        done = subprocess.run(
            ["systemctl", *arguments], capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except OSError as error:
        raise no_systemd() from error
    if done.returncode == 0:
        return done.stdout
    said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[0]
    what = f"systemctl {' '.join(arguments)}: {said.rstrip('.')}"
    if "authentication required" in said.lower() or "access denied" in said.lower():
        raise PermissionRefused(f"{what}; run it with sudo")
    raise Unavailable(f"{what}; see `journalctl -e`")


def check_booted(root: Path) -> None:
    """Checks that systemd manages this machine, as sd_booted(3) does.

    Raises:
        Unavailable: it does not.
    """
    if not (root / "run/systemd/system").is_dir():
        raise no_systemd()


def no_systemd() -> Unavailable:
    """Returns the error to raise on a machine without systemd."""
    return Unavailable(
        "this machine does not use systemd, so there is no service; start `edgecls camera` from its own init "
        "system, or see the unit with `edgecls service install --print`"
    )


ROOT = Path("/")


def install(service: CameraService, systemctl: Systemctl, root: Path = ROOT) -> None:
    """Writes the service's files and starts it, now and at each boot.

    Replaces a service of that name. The model is copied, so that the service does not fail because somebody
    tidies a home folder, and never starts on a half-copied file.

    Args:
        service: what to install.
        systemctl: see `systemctl.systemctl`.
        root: the folder of the machine's files.

    Raises:
        EdgeclsError: a file cannot be read or written, or the service does not start.
    """
    unit, secrets = (
        unit_text(service),
        environment_file(service.secrets),
    )  # refused before anything is written
    for path in service.reads:
        _check_readable_by_all(path)
    if service.pins:
        _check_group_of_pins(root)
    contents = {path.name: read_whole(path, MODEL_BYTES) for path in service.copied}
    settings = _below(root, service.settings)
    for name, content in contents.items():
        write_whole(settings / name, content)
    if service.secrets:
        with _for_root_alone():
            write_whole(settings / SECRETS_NAME, secrets)
    _keep_only(settings, {*contents, *([SECRETS_NAME] if service.secrets else [])})
    write_whole(_unit_path(root, service.unit), unit)
    systemctl("daemon-reload")
    systemctl("enable", service.unit)
    try:
        systemctl("restart", service.unit)
    except Unavailable as error:
        raise Unavailable(
            f"{service.unit}: installed, but did not start; see `journalctl -u {service.unit}`"
        ) from error


def remove(name: str, systemctl: Systemctl, root: Path = ROOT) -> Path:
    """Stops and removes a camera's service; keeps what it wrote.

    Returns:
        The folder of what it wrote, which may be missing.

    Raises:
        MissingInput: there is no such service.
        EdgeclsError: it cannot be stopped or removed.
    """
    unit = unit_of(name)
    path = _unit_path(root, unit)
    if not path.exists():
        raise MissingInput(f"{unit}: no such service; `edgecls service status` lists those there are")
    systemctl("disable", "--now", unit)
    try:
        path.unlink()
        settings = _below(root, settings_of(name))
        _keep_only(settings, set())
        with suppress(OSError):  # something of the user's is in there
            settings.rmdir()
    except OSError as error:
        raise writing_failed(path, error) from error
    systemctl("daemon-reload")
    return state_of(name)


def installed(root: Path = ROOT) -> list[str]:
    """Returns the names of all cameras that have a service."""
    units = _below(root, UNITS).glob("edgecls-*.service")
    return sorted(path.stem.removeprefix("edgecls-") for path in units)


def _check_readable_by_all(path: Path) -> None:
    """Checks that a user who is nobody here can read a folder: Python's, which the service runs.

    Raises:
        PermissionRefused: its modes forbid it.
    """
    # Of a hidden folder's parents none counts: systemd itself shows it to the service.
    for folder in [path] if is_hidden(path) else [path, *path.parents]:
        if folder.stat().st_mode & 0o005 != 0o005:
            raise PermissionRefused(
                f"{folder}: only its owner may enter it; run `chmod -R o+rX {folder}`, as the service has a "
                "user of its own"
            )


def _check_group_of_pins(root: Path) -> None:
    """Checks that the group exists that may use the pins: without it, the service would not start.

    Raises:
        BadConfiguration: it does not.
    """
    with suppress(OSError):
        groups = (root / "etc/group").read_text(encoding="utf-8", errors="replace")
        if not any(line.startswith("gpio:") for line in groups.splitlines()):
            raise BadConfiguration(
                "--on gpio: no group gpio here, as Raspberry Pi OS has; run `sudo groupadd -r gpio`, and "
                "give it /dev/gpiochip0"
            )


def _keep_only(folder: Path, names: set[str]) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in names and path.is_file():
            path.unlink()


def _unit_path(root: Path, unit: str) -> Path:
    return _below(root, UNITS) / f"{unit}.service"


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


@contextmanager
def _for_root_alone() -> Generator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


_PROPERTIES = (
    "ActiveState",
    "SubState",
    "StateChangeTimestamp",
    "StatusText",
    "NRestarts",
    "MainPID",
    "Result",
    "ExecMainStatus",
    "UnitFileState",
)


@dataclass(frozen=True)
class ServiceStatus:
    """Status of a service at this moment."""

    unit: str
    is_running: bool
    state: str
    """systemd's sub-state: `running`, `auto-restart`, `dead`, `failed`."""
    since: str
    """Wall-clock time when that state began, as systemd writes it; empty if it never ran."""
    said: str
    """Last status text of the loop: the label with its rates, or what it waits for."""
    restarts: int
    """Automatic restarts since it was last started by hand or at boot."""
    pid: int
    """Process ID of its main process; 0 while it does not run."""
    starts_at_boot: bool
    result: str
    """systemd's result, such as `exit-code` or `watchdog`; `success` otherwise."""
    exit_code: int

    @property
    def text(self) -> str:
        """For people: a line for the service, and one for its status text."""
        since = f" since {self.since}" if self.since else ""
        pid = f", pid {self.pid}" if self.pid else ""
        count = "1 restart" if self.restarts == 1 else f"{self.restarts} restarts"
        boot = "" if self.starts_at_boot else ", not started at boot"
        code = f" {self.exit_code}" if self.result == "exit-code" else ""
        why = "" if self.result == "success" else f" ({self.result}{code})"
        state = "running" if self.is_running else f"not running: {self.state}{why}"
        lines = [f"{self.unit}: {state}{since}{pid}, {count}{boot}"]
        return "\n".join([*lines, f"  {printable(self.said)}"] if self.said else lines)


def status_of(name: str, systemctl: Systemctl) -> ServiceStatus:
    """Asks systemd for the status of a camera's service.

    Raises:
        EdgeclsError: systemd does not answer.
    """
    unit = unit_of(name)
    shown = systemctl("show", unit, f"--property={','.join(_PROPERTIES)}")
    values = {name: value for name, _, value in (line.partition("=") for line in shown.splitlines())}
    return ServiceStatus(
        unit=unit,
        is_running=values.get("ActiveState") == "active",
        state=values.get("SubState", "unknown"),
        since=values.get("StateChangeTimestamp", ""),
        said=values.get("StatusText", ""),
        restarts=_number(values.get("NRestarts", "")),
        pid=_number(values.get("MainPID", "")),
        starts_at_boot=values.get("UnitFileState") == "enabled",
        result=values.get("Result", "success"),
        exit_code=_number(values.get("ExecMainStatus", "")),
    )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
