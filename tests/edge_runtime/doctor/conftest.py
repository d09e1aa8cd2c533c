"""A made-up Raspberry Pi on which all is well: each test spoils one thing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.edge_runtime.doctor.host import Distribution, Host, Python, User


@pytest.fixture
def python(tmp_path: Path) -> Python:
    """A virtual environment made from the system's Python."""
    return Python("/home/pi/edgecls/bin/python", tmp_path / "edgecls", Path("/usr"), bits=64)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a file below the made-up root, which is tmp_path."""

    def write_file(name: str, text: str = "") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write_file


@pytest.fixture
def video(write: Callable[[str, str], Path]) -> Callable[[int, str], Path]:
    """Plugs in /dev/videoN by what its driver calls it."""

    def plug_in(number: int, card: str) -> Path:
        write(f"sys/class/video4linux/video{number}/name", f"{card}\n")
        return write(f"dev/video{number}", "")

    return plug_in


@pytest.fixture
def host(tmp_path: Path, python: Python, write: Callable[[str, str], Path]) -> Host:
    write("proc/meminfo", "MemTotal: 3884356 kB\nMemAvailable: 3100000 kB\n")
    write("usr/bin/apt", "")
    write("sys/devices/platform/soc/soc:firmware/get_throttled", "0\n")
    names = ("numpy", "opencv-python", "ai-edge-litert", "onnxruntime", "waitress")
    return Host(
        root=tmp_path,
        folder=tmp_path,
        python=python,
        processor="aarch64",
        glibc=(2, 36),
        user=User("pi", is_root=False, group_ids=frozenset({44, 1000})),
        distributions=tuple(Distribution(name, "1.0", "site-packages") for name in names),
        required=names,
        output_of=lambda command: "yes" if command[0] == "timedatectl" else None,
        error_of=lambda _: None,
    )
