"""Host: what the checks need to know of the machine. Tests build their own."""

import getpass
import os
import platform
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions, requires
from pathlib import Path

_TIME_S = 60.0
"""Limit for one command or import; onnxruntime takes 5 s from a cold SD card."""


@dataclass(frozen=True)
class Python:
    """The Python that edgecls runs in."""

    executable: str
    prefix: Path
    """The folder of the virtual environment, or of the installation."""
    base_prefix: Path
    """The folder of the installation that a virtual environment was made from."""
    bits: int
    """Size of a pointer: 32 or 64, whatever the kernel's is."""
    externally_managed: bool = False
    """Whether pip refuses to change it because it is the system's own (PEP 668)."""

    @property
    def is_virtual(self) -> bool:
        """Whether it is a virtual environment."""
        return self.prefix != self.base_prefix

    def pip(self, *arguments: str) -> str:
        """Returns the command that calls pip for this environment, whichever is active in the shell."""
        verb, *others = arguments
        flag = ["--break-system-packages"] if self.externally_managed else []  # as edgecls was installed
        return shlex.join([self.executable, "-m", "pip", verb, *flag, *others])


@dataclass(frozen=True)
class Distribution:
    """An installed Python package."""

    name: str
    """Normalised as on the package index: lower case, hyphens."""
    version: str
    folder: str
    """Where it is installed; two packages in one folder may overwrite each other's files."""


@dataclass(frozen=True)
class User:
    """The user who runs edgecls."""

    name: str
    is_root: bool
    group_ids: frozenset[int]
    """The groups of this session, which may be fewer than /etc/group now lists."""


@dataclass(frozen=True)
class Host:
    """Host: the machine that the checks look at."""

    root: Path
    """The folder that holds proc, sys, dev, etc, usr and run."""
    folder: Path
    """The working directory, where models are found and events are written."""
    python: Python
    processor: str
    """The kernel's architecture, as from `uname -m`: aarch64, armv7l, x86_64."""
    glibc: tuple[int, int] | None
    """None for another C library or another system."""
    user: User
    distributions: tuple[Distribution, ...]
    required: tuple[str, ...]
    """The distributions that edgecls depends on."""
    output_of: Callable[[Sequence[str]], str | None]
    """Returns what a command prints; None if it is missing or fails."""
    error_of: Callable[[str], str | None]
    """Runs a Python statement in another process; returns its error, or None."""


def this_host() -> Host:
    """Returns the machine that this process runs on."""
    return Host(
        root=Path("/"),
        folder=Path(),
        python=_python(),
        processor=platform.machine(),
        glibc=_glibc(),
        user=User(_user_name(), os.geteuid() == 0, frozenset(os.getgroups()) | {os.getegid()}),
        distributions=_distributions(),
        required=_required(),
        output_of=output_of,
        error_of=error_of,
    )


def output_of(command: Sequence[str]) -> str | None:
    """Returns what a command prints; None if it is missing, fails, or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=_TIME_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def error_of(statement: str) -> str | None:
    """Runs a statement in another process, as native libraries may crash or hang while they load.

    Returns:
        The last line of its traceback, or how it ended; None if it succeeded.
    """
    command = [sys.executable, "-P", "-c", statement]  # -P: import nothing from the working directory
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIME_S, check=False)
    except subprocess.TimeoutExpired:
        return f"not finished after {_TIME_S:g} s"
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return f"ended by {signal.Signals(-done.returncode).name}"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else f"exit code {done.returncode}"


def _python() -> Python:
    is_virtual = sys.prefix != sys.base_prefix
    marker = Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    return Python(
        executable=sys.executable,
        prefix=Path(sys.prefix),
        base_prefix=Path(sys.base_prefix),
        bits=sys.maxsize.bit_length() + 1,
        externally_managed=not is_virtual and marker.exists(),
    )


def _glibc() -> tuple[int, int] | None:
    try:
        named = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError):  # Windows; musl, macOS
        return None
    version = re.fullmatch(r"glibc (\d+)\.(\d+).*", named)
    return (int(version[1]), int(version[2])) if version else None


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # in a container, a user may have no name
        return str(os.getuid())


def _distributions() -> tuple[Distribution, ...]:
    found = [(found.name, found.version, str(found.locate_file(""))) for found in distributions()]
    return tuple(Distribution(_normalised(name), version, folder) for name, version, folder in found if name)


def _required() -> tuple[str, ...]:
    try:
        lines = requires("edgecls") or []
    except PackageNotFoundError:
        return ()
    names = [re.match(r"[\w.-]+", line) for line in lines if "extra ==" not in line]
    return tuple(_normalised(name[0]) for name in names if name)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
