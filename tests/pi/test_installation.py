"""The lines of docs/guides/raspberry-pi.md from a fresh system to labels, one by one."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .building import CONSTRAINTS, DEBIAN_PACKAGES
from .sources import pip_settings

pytestmark = pytest.mark.pi

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "raspberry-pi.md"
STAND_INS = {
    "sudo": 'exec "$@"',  # we are root
    "apt-get": 'echo "$@" >>/mnt/apt.log',  # the userland was made with the packages; see the last assertion
}


def documented_lines() -> list[str]:
    """The commands in the guide's first block of sh."""
    block = re.search(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert block, f"{GUIDE.name} has no block of sh"
    return block[1].splitlines()


@pytest.fixture
def home(folder: Path, wheel: Path) -> Path:
    """A home folder with the wheel, and with a model of one's own; what else was there is for other tests."""
    shutil.copy(wheel, folder)
    shutil.copy(CONSTRAINTS, folder)
    (folder / "stand-ins").mkdir()
    for name, script in STAND_INS.items():
        (folder / "stand-ins" / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / "stand-ins" / name).chmod(0o755)
    return folder


@pytest.fixture
def type_line(pi, home: Path) -> Callable[[str], str]:
    """Types a line into a shell in the home folder; returns what was shown."""
    env = (
        *pip_settings(),
        "PIP_CONSTRAINT=/mnt/constraints.txt",
        "PIP_ONLY_BINARY=:all:",
        "PIP_NO_COMPILE=1",  # under QEMU that takes long, and what runs compiles itself
        "HOME=/mnt",
        "PATH=/mnt/stand-ins:/usr/bin:/bin",
        "EDGECLS_SOURCE=clip.avi",  # the camera
    )

    def run(line: str) -> str:
        done = pi.run("sh", "-c", line, work=home, env=env, timeout_s=600)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    return run


def test_the_five_lines_lead_to_labels(home, type_line):
    install_packages, make_environment, install_wheel, demo, camera = documented_lines()

    type_line(install_packages)
    type_line(make_environment)
    type_line(install_wheel)
    assert re.search(r"^60 frames", type_line(demo), re.MULTILINE)
    assert re.search(r"^[1-6] frames", type_line(camera), re.MULTILINE)  # at its own rate, it skips

    asked = (home / "apt.log").read_text().splitlines()[-1].split()
    assert asked[:2] == ["install", "-y"]
    assert set(asked[2:]) <= set(DEBIAN_PACKAGES), "the userland has packages that nobody was told to install"
