"""Puts a camera service on the machine, and takes it away."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import MissingInput, PermissionRefused, Unavailable, writing_failed
from ..files import read_whole, write_whole
from .camera_service import UNITS, CameraService, settings_of, state_of, unit_of
from .systemctl import Systemctl
from .unit import environment_file, is_hidden, unit_text

ROOT = Path("/")


def install(service: CameraService, systemctl: Systemctl, root: Path = ROOT) -> None:
    """Writes the service's files, has systemd read them, and starts it, now and at each boot.

    One that is there already is replaced. The model is copied: the service must not end because somebody
    tidies a home folder, or be started on half a file while another is being copied there.

    Args:
        service: what to install.
        systemctl: see `systemctl.systemctl`.
        root: the folder of the machine's files.

    Raises:
        EdgeclsError: a file cannot be read or written, or the service does not start.
    """
    for path in service.reads:
        _check_readable_by_all(path)
    contents = {path.name: read_whole(path) for path in service.copied}
    settings = _below(root, service.settings)
    for name, content in contents.items():
        write_whole(settings / name, content)
    if service.secrets:
        with _for_root_alone():
            write_whole(settings / "secrets.env", environment_file(dict(service.secrets)))
    _keep_only(settings, {*contents, *(["secrets.env"] if service.secrets else [])})
    write_whole(_unit_path(root, service.unit), unit_text(service))
    systemctl("daemon-reload")
    systemctl("enable", service.unit)
    try:
        systemctl("restart", service.unit)
    except Unavailable as error:
        raise Unavailable(
            f"{service.unit}: installed, but did not start; see `journalctl -u {service.unit}`"
        ) from error


def remove(name: str, systemctl: Systemctl, root: Path = ROOT) -> Path:
    """Stops a camera's service and removes it, but for what it wrote.

    Returns:
        Where that is; there may be nothing.

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
    """The names of all cameras that have a service."""
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


def _keep_only(folder: Path, names: set[str]) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in names and path.is_file():
            path.unlink()


def _unit_path(root: Path, unit: str) -> Path:
    return _below(root, UNITS) / f"{unit}.service"


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


@contextmanager
def _for_root_alone() -> Iterator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
