"""A real Ray cluster of two nodes on loopback, with a core each, and programs that use it."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIMIT_S = 120


@dataclass(frozen=True)
class TwoNodes:
    """The cluster, and where its trainings leave notes."""

    address: str
    notes: Path

    def notes_of(self, arch: str) -> list[Path]:
        return list(self.notes.glob(f"{arch}-*.[0-9]*"))


def start(two_nodes: TwoNodes, driver: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The cluster was started in another folder than this, as a team's is."""
    command = [sys.executable, str(HERE / driver), two_nodes.address, folder.name, *arguments]
    return subprocess.Popen(
        command, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finished(driver: subprocess.Popen[str]) -> str:
    said, _ = driver.communicate(timeout=LIMIT_S)
    assert driver.returncode == 0, said
    return said


def until(there: Callable[[], Any], driver: subprocess.Popen[str]) -> Any:
    end_s = time.monotonic() + LIMIT_S
    while not (found := there()):
        assert driver.poll() is None, driver.communicate()[0]
        assert time.monotonic() < end_s
        time.sleep(0.02)
    return found
