"""Whether there is room to run in: memory, disk, and a disk that can be written."""

import os
from pathlib import Path

from .finding import Finding, ok, problem, unknown

MEMORY_MB = 128
"""What `edgecls camera` takes, both processes (96 MB at 640x480), and a little to breathe."""
DISK_MB = 100
"""Below this a system misbehaves in many ways; the event log alone may take 10."""

_TARGET = "etc/systemd/system/default.target"
_TAKERS = "ps -eo pid,rss,comm --sort=-rss | head"
_CLEAR = "sudo apt clean && sudo journalctl --vacuum-size=50M"


def check_memory(root: Path) -> Finding:
    """Whether enough memory is free, counting what the kernel would give back.

    Args:
        root: where proc and etc are.
    """
    check = "memory"
    free_mb = _available_mb(root)
    if free_mb is None:
        return unknown(check, "this system does not say how much is free")
    if free_mb >= MEMORY_MB:
        return ok(check, f"{free_mb:,} MB free")
    what = f"{free_mb:,} MB free; `edgecls camera` needs {MEMORY_MB}"
    if _starts_a_desktop(root):
        return problem(
            check, what, "sudo systemctl set-default multi-user.target && sudo reboot", "the desktop takes it"
        )
    return problem(check, what, _TAKERS, "end what is not needed of these")


def check_disk(folder: Path) -> Finding:
    """Whether the disk below a folder has space, and may be written.

    Args:
        folder: where events and recordings would be written.
    """
    check = "disk"
    disk = os.statvfs(folder)
    free_mb = disk.f_bavail * disk.f_frsize // 10**6
    where = folder.resolve()
    if disk.f_flag & os.ST_RDONLY:
        return problem(
            check,
            f"{where} is mounted read-only, as Linux does with a card that fails",
            "sudo mount -o remount,rw /",
            "if that fails or does not last, copy what you need and replace the card",
        )
    if free_mb < DISK_MB:
        return problem(check, f"{free_mb:,} MB free in {where}; at least {DISK_MB} are needed", _CLEAR)
    return ok(check, f"{free_mb:,} MB free")


def _available_mb(root: Path) -> int | None:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        kb = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
    return kb * 1024 // 10**6


def _starts_a_desktop(root: Path) -> bool:
    try:
        return (root / _TARGET).readlink().name == "graphical.target"
    except OSError:
        return False
