"""Builds a userland: the Debian packages, a virtual environment, and a wheel with what it needs."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .host import KEYRING
from .sources import CERTIFICATES, apt_options, mirror, pip_settings, run_here, trusted_certificates
from .userland import Userland

DEBIAN_PACKAGES = (
    "base-files",
    "ca-certificates",
    "libgl1",  # for opencv-python, as docs/guides/raspberry-pi.md says
    "libglib2.0-0",  # as well; Raspberry Pi OS has it, Lite included
    "libstdc++6",
    "python3",
    "python3-venv",
)
_HOOKS = Path("/usr/share/mmdebstrap/hooks/merged-usr")
_PROJECT = Path(__file__).parents[2]
CONSTRAINTS = _PROJECT / "constraints.txt"
_NOT_IN_A_WHEEL = (".*", "build", "dist", "*.egg-info", "__pycache__", "tests", "docs")


def build(userland: Userland, wheel: Path) -> None:
    """Makes the userland with this wheel installed in it, or as much of it as is not there yet.

    Raises:
        RuntimeError: a step failed; the message says which, and how.
    """
    with _locked(userland.cache / f"{userland.suite}.lock"):
        _once(userland.root / ".debian", " ".join(DEBIAN_PACKAGES), lambda: _unpack_debian(userland))
        needs = _digest(_requirements(wheel) + CONSTRAINTS.read_text())
        _once(userland.root / "opt/venv/.needs", needs, lambda: _install(userland, wheel))
        _once(_wheel_stamp(userland), _contents(wheel), lambda: _install_again(userland, wheel))


def build_wheel(folder: Path) -> Path:
    """Builds the project's wheel from a copy of its files, where no older build can add to it."""
    copy = folder / "project"
    shutil.copytree(_PROJECT, copy, ignore=shutil.ignore_patterns(*_NOT_IN_A_WHEEL))
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(copy)]
    run_here(command, "the wheel cannot be built")
    shutil.rmtree(copy)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _unpack_debian(userland: Userland) -> None:
    """Unpacks the packages without running their scripts: 15 s, and Python, venv and pip work."""
    root = userland.root
    if root.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", root], check=True)
    packages = ["--variant=extract", "--include=?essential", f"--include={','.join(DEBIAN_PACKAGES)}"]
    source = f"deb [signed-by={KEYRING}] {mirror()} {userland.suite} main"
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as options:
        options.write(apt_options())
        options.flush()
        settings = ["--mode=root", "--arch=arm64", f"--aptopt={options.name}", f"--hook-dir={_HOOKS}"]
        command = ["mmdebstrap", *settings, *packages, userland.suite, str(root), source]
        run_here(command, f"{userland.suite} cannot be unpacked")
    for name in ("passwd", "group"):  # what the scripts would have made
        if not (root / "etc" / name).exists():
            shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    for name in ("resolv.conf", "hosts"):  # this machine's are mounted over them
        (root / "etc" / name).unlink(missing_ok=True)
    shutil.rmtree(root / "dev")
    (root / "dev").mkdir()
    userland.run_checked("ldconfig", work=userland.cache)


def _install(userland: Userland, wheel: Path) -> None:
    """Makes the virtual environment and installs the wheel with what it needs, by the Pi's own pip."""
    certificates = userland.root / CERTIFICATES
    certificates.parent.mkdir(parents=True, exist_ok=True)
    certificates.unlink(missing_ok=True)
    shutil.copy(trusted_certificates(), certificates)
    shutil.rmtree(userland.root / "opt/venv", ignore_errors=True)
    userland.run_checked("python3", "-m", "venv", "/opt/venv", work=userland.cache)
    with _beside(wheel, CONSTRAINTS) as work:
        wanted = ["--only-binary=:all:", "--constraint", CONSTRAINTS.name, wheel.name]
        userland.run_checked("pip", "install", "--quiet", *wanted, work=work, env=pip_settings())
    _wheel_stamp(userland).write_text(_contents(wheel))


def _install_again(userland: Userland, wheel: Path) -> None:
    with _beside(wheel) as work:
        command = ["pip", "install", "--quiet", "--no-deps", "--force-reinstall", wheel.name]
        userland.run_checked(*command, work=work, env=pip_settings())


def _wheel_stamp(userland: Userland) -> Path:
    return userland.root / "opt/venv/.wheel"


def _requirements(wheel: Path) -> str:
    """What the wheel needs, as its metadata says."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    return "\n".join(sorted(line for line in lines if line.startswith("Requires-Dist:")))


def _contents(wheel: Path) -> str:
    """A digest of the files in a wheel, but not of their times, which differ with each build."""
    with zipfile.ZipFile(wheel) as archive:
        return _digest("\n".join(sorted(f"{entry.filename} {entry.CRC}" for entry in archive.infolist())))


@contextmanager
def _beside(*files: Path) -> Iterator[Path]:
    """A folder that holds copies of these files."""
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            shutil.copy(file, folder)
        yield Path(folder)


def _once(stamp: Path, wanted: str, make: Callable[[], None]) -> None:
    """Makes something unless a stamp says that just this was made."""
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    make()
    stamp.write_text(wanted)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _digest(content: bytes | str) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
