"""The machine that is examined, as far as checks need to know it: a test makes up its own."""

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
"""For one command or import: onnxruntime takes 5 s from a cold SD card."""


@dataclass(frozen=True)
class Python:
    """The Python that edgecls runs in."""

    executable: str
    prefix: Path
    """The environment's folder: a virtual one's, or that of the installation."""
    base_prefix: Path
    """The installation's folder, which a virtual environment was made from."""
    bits: int
    """Of a pointer: 32 or 64, whatever the kernel has."""
    externally_managed: bool = False
    """Whether pip refuses to change it, as it is the system's own (PEP 668)."""

    @property
    def is_virtual(self) -> bool:
        """Whether it is a virtual environment."""
        return self.prefix != self.base_prefix

    def pip(self, *arguments: str) -> str:
        """The command that calls pip for this environment, whichever is active in the user's shell."""
        verb, *others = arguments
        flag = ["--break-system-packages"] if self.externally_managed else []  # as edgecls itself came here
        return shlex.join([self.executable, "-m", "pip", verb, *flag, *others])


@dataclass(frozen=True)
class Distribution:
    """An installed package of Python."""

    name: str
    """In the spelling of the package index: lower case, hyphens."""
    version: str
    folder: str
    """Where it lies; two of one folder share their files."""


@dataclass(frozen=True)
class User:
    """Who runs us."""

    name: str
    is_root: bool
    group_ids: frozenset[int]
    """The groups that this session is in, which may be fewer than /etc/group says by now."""


@dataclass(frozen=True)
class Host:
    """What the checks look at."""

    root: Path
    """Where proc, sys, dev, etc, usr and run are."""
    folder: Path
    """Where the user stands: models are found and events written there."""
    python: Python
    processor: str
    """As `uname -m` says, which is the kernel's word: aarch64, armv7l, x86_64."""
    glibc: tuple[int, int] | None
    """None: another C library, or another system."""
    user: User
    distributions: tuple[Distribution, ...]
    required: tuple[str, ...]
    """The distributions that edgecls itself asks for."""
    output_of: Callable[[Sequence[str]], str | None]
    """What a command prints; None where it is not there or fails."""
    why_not: Callable[[str], str | None]
    """What goes wrong with a statement of Python in a process of its own; None: nothing."""


def this_host() -> Host:
    """The machine that we run on."""
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
        why_not=why_not,
    )


def output_of(command: Sequence[str]) -> str | None:
    """What a command prints; None where it is not there, fails, or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIME_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def why_not(statement: str) -> str | None:
    """Runs a statement in a process of its own, as native libraries may crash or hang while they load.

    Returns:
        The last line of its traceback, or what ended it; None where nothing went wrong.
    """
    command = [sys.executable, "-P", "-c", statement]  # -P: nothing is taken from where the user stands
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIME_S, check=False)
    except subprocess.TimeoutExpired:
        return f"no end after {_TIME_S:g} s"
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
    except (OSError, KeyError):  # in a container, a user may be a number only
        return str(os.getuid())


def _distributions() -> tuple[Distribution, ...]:
    found = [(found.name, found.version, str(found.locate_file(""))) for found in distributions()]
    return tuple(Distribution(_spelling(name), version, folder) for name, version, folder in found if name)


def _required() -> tuple[str, ...]:
    try:
        lines = requires("edgecls") or []
    except PackageNotFoundError:
        return ()
    names = [re.match(r"[\w.-]+", line) for line in lines if "extra ==" not in line]
    return tuple(_spelling(name[0]) for name in names if name)


def _spelling(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
