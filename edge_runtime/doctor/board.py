"""Whether the power supply is strong enough and the processor cool enough, as the firmware says."""

import os
from pathlib import Path

from ..hardware import firmware_flags, is_throttled, supply_is_low, temperature_c
from .finding import Finding, ok, problem, unknown, warning

_LOW_NOW, _LOW_ONCE = 1 << 0, 1 << 16
_SLOWED_NOW, _SLOWED_ONCE = 1 << 1 | 1 << 2, 1 << 17 | 1 << 18
"""Bits of the firmware's `get_throttled`: what holds now, and what has held since the board was started."""

_HOT_C = 80.0
"""Where a Raspberry Pi begins to slow down."""

_SUPPLY = (
    "use the board's own power supply (5.1 V; 3 A for a Pi 4, 5 A for a Pi 5, 2.5 A for older ones), without "
    "an extension, and a powered hub for USB cameras"
)
_COOLING = "give it a heat sink or a fan; until then a lower --fps keeps it cooler"
_FEWER_FRAMES = "edgecls camera --fps 5"


def read_flags(root: Path, vcgencmd: str | None) -> int | None:
    """What has gone on with voltage and clock, as bits; None where no Raspberry Pi's firmware says.

    Args:
        root: where sys is.
        vcgencmd: what that command prints, such as `throttled=0x50005`; None: it is not there.
    """
    flags = firmware_flags(root)
    if flags is not None or vcgencmd is None:
        return flags
    try:
        return int(vcgencmd.partition("=")[2], 16)
    except ValueError:
        return None


def check_supply(flags: int | None, root: Path) -> Finding:
    """Whether the voltage is, and has been, high enough: below it, cameras drop out and cards are damaged.

    Args:
        flags: from `read_flags`.
        root: where sys is.
    """
    check = "power supply"
    low = supply_is_low(root)
    if low or (flags or 0) & _LOW_NOW:
        return problem(check, "under-voltage right now", advice=_SUPPLY)
    if (flags or 0) & _LOW_ONCE:
        return warning(check, "under-voltage since the board was started", advice=_SUPPLY)
    if flags is None and low is None:
        return unknown(check, "nothing watches it here")
    return ok(check, "strong enough")


def check_heat(flags: int | None, root: Path) -> Finding:
    """Whether heat, or a weak supply, slows the processor down.

    Args:
        flags: from `read_flags`.
        root: where sys is.
    """
    check = "heat"
    degrees_c = temperature_c(root)
    at = "" if degrees_c is None else f" at {degrees_c:.0f} °C"
    if is_throttled(root) or (flags or 0) & _SLOWED_NOW:
        return problem(check, f"the processor's clock is held down{at}", _FEWER_FRAMES, _COOLING)
    if degrees_c is not None and degrees_c >= _HOT_C:
        return warning(check, f"the processor is hot{at}", _FEWER_FRAMES, _COOLING)
    if (flags or 0) & _SLOWED_ONCE:
        return warning(check, f"the clock was held down since the board was started{at}", advice=_COOLING)
    return ok(check, f"full clock{at}")


# Whether the wall clock is right: a Raspberry Pi without a battery starts at its last shutdown.

COMMAND = ("timedatectl", "show", "--property=NTPSynchronized", "--value")


def check_clock(answer: str | None) -> Finding:
    """Whether the clock is set from the network, so that the times of events are right.

    Args:
        answer: what `COMMAND` prints, `yes` or `no`; None where there is no systemd.
    """
    if answer == "no":
        return warning(
            "clock",
            "the clock is not set from the network: events would carry wrong times",
            "sudo timedatectl set-ntp true",
            "and see that UDP port 123 is open; decisions do not depend on this clock",
        )
    if answer != "yes":
        return unknown("clock", "this system does not say whether it is set from the network")
    return ok("clock", "set from the network")


# Whether there is room to run in: memory, disk, and a disk that can be written.

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
