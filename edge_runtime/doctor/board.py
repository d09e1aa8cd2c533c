"""Checks of the board: power supply, heat, clock, memory and disk."""

import os
from pathlib import Path

from ..hardware import firmware_flags, is_throttled, supply_is_low, temperature_c
from .finding import Finding, ok, problem, unknown, warning

_LOW_NOW, _LOW_SINCE_BOOT = 1 << 0, 1 << 16
_THROTTLED_NOW, _THROTTLED_SINCE_BOOT = 1 << 1 | 1 << 2, 1 << 17 | 1 << 18
"""Bits of the firmware's `get_throttled`: the present state, and what occurred since boot."""

_HOT_C = 80.0
"""The temperature at which a Raspberry Pi starts to throttle."""

_SUPPLY = (
    "use the board's own power supply (5.1 V; 3 A for a Pi 4, 5 A for a Pi 5, 2.5 A for older ones), without "
    "an extension, and a powered hub for USB cameras"
)
_COOLING = "add a heat sink or a fan; until then, a lower --fps keeps it cooler"
_FEWER_FRAMES = "edgecls camera --fps 5"


def read_flags(root: Path, vcgencmd: str | None) -> int | None:
    """Returns the bits of `get_throttled` on voltage and clock; None if there is no Raspberry Pi firmware.

    Args:
        root: the folder that holds sys.
        vcgencmd: the output of `vcgencmd get_throttled`, such as `throttled=0x50005`; None if it is missing.
    """
    flags = firmware_flags(root)
    if flags is not None or vcgencmd is None:
        return flags
    try:
        return int(vcgencmd.partition("=")[2], 16)
    except ValueError:
        return None


def check_supply(flags: int | None, root: Path) -> Finding:
    """Checks the voltage, now and since boot: under-voltage makes cameras drop out and damages cards.

    Args:
        flags: from `read_flags`.
        root: the folder that holds sys.
    """
    check = "power supply"
    low = supply_is_low(root)
    if low or (flags or 0) & _LOW_NOW:
        return problem(check, "under-voltage right now", advice=_SUPPLY)
    if (flags or 0) & _LOW_SINCE_BOOT:
        return warning(check, "under-voltage since boot", advice=_SUPPLY)
    if flags is None and low is None:
        return unknown(check, "not monitored on this machine")
    return ok(check, "no under-voltage")


def check_heat(flags: int | None, root: Path) -> Finding:
    """Checks whether heat, or a weak supply, throttles the processor.

    Args:
        flags: from `read_flags`.
        root: the folder that holds sys.
    """
    check = "heat"
    degrees_c = temperature_c(root)
    at = "" if degrees_c is None else f" at {degrees_c:.0f} °C"
    if is_throttled(root) or (flags or 0) & _THROTTLED_NOW:
        return problem(check, f"the processor is throttled{at}", _FEWER_FRAMES, _COOLING)
    if degrees_c is not None and degrees_c >= _HOT_C:
        return warning(check, f"the processor is hot{at}", _FEWER_FRAMES, _COOLING)
    if (flags or 0) & _THROTTLED_SINCE_BOOT:
        return warning(check, f"the processor was throttled since boot{at}", advice=_COOLING)
    return ok(check, f"not throttled{at}")


CLOCK_COMMAND = ("timedatectl", "show", "--property=NTPSynchronized", "--value")


def check_clock(answer: str | None) -> Finding:
    """Checks that the clock is synchronised, so that the times of events are right.

    A Raspberry Pi without a battery starts with the time of its last shutdown.

    Args:
        answer: the output of `CLOCK_COMMAND`, `yes` or `no`; None without systemd.
    """
    if answer == "no":
        return warning(
            "clock",
            "the clock is not synchronised: events would have wrong times",
            "sudo timedatectl set-ntp true",
            "UDP port 123 must be open; decisions do not depend on this clock",
        )
    if answer != "yes":
        return unknown("clock", "this system does not report whether it is synchronised")
    return ok("clock", "synchronised")


MEMORY_MB = 128
"""Memory of both processes of `edgecls camera` (96 MB at 640x480), and some reserve."""
DISK_MB = 100
"""With less, a system fails in many ways; the event log alone may take 10 MB."""

_BOOT_TARGET = "etc/systemd/system/default.target"
_LIST_BY_MEMORY = "ps -eo pid,rss,comm --sort=-rss | head"
_FREE_DISK = "sudo apt clean && sudo journalctl --vacuum-size=50M"


def check_memory(root: Path) -> Finding:
    """Checks the available memory: what is free and what the kernel can reclaim.

    Args:
        root: the folder that holds proc and etc.
    """
    check = "memory"
    free_mb = _available_mb(root)
    if free_mb is None:
        return unknown(check, "this system does not report how much is free")
    if free_mb >= MEMORY_MB:
        return ok(check, f"{free_mb:,} MB free")
    what = f"{free_mb:,} MB free; `edgecls camera` needs {MEMORY_MB}"
    if _boots_to_desktop(root):
        return problem(
            check,
            what,
            "sudo systemctl set-default multi-user.target && sudo reboot",
            "it starts without the desktop then",
        )
    return problem(check, what, _LIST_BY_MEMORY, "end processes that are not needed")


def check_disk(folder: Path) -> Finding:
    """Checks that the disk of a folder has space and can be written.

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
            f"{where} is mounted read-only, as Linux does with a failing card",
            "sudo mount -o remount,rw /",
            "if that fails or does not last, copy what you need and replace the card",
        )
    if free_mb < DISK_MB:
        return problem(check, f"{free_mb:,} MB free in {where}; at least {DISK_MB} are needed", _FREE_DISK)
    return ok(check, f"{free_mb:,} MB free")


def _available_mb(root: Path) -> int | None:
    try:
        lines = (root / "proc/meminfo").read_text(encoding="utf-8", errors="replace").splitlines()
        kb = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
    return kb * 1024 // 10**6


def _boots_to_desktop(root: Path) -> bool:
    try:
        return (root / _BOOT_TARGET).readlink().name == "graphical.target"
    except OSError:
        return False
