"""Hardware state as Linux reports it: board, clock, temperature, throttling, power supply.

Every function takes `root`, the folder that holds `proc` and `sys`, and returns None where the system does
not report the value. A file that disappears while it is read is no error: sensors come and go.
"""

from pathlib import Path

ROOT = Path("/")

_PROCESSOR_ZONES = ("cpu", "soc", "core", "pkg", "package", "k10temp", "imx", "acpitz")
"""Parts of the names of thermal zones that measure the processor: cpu-thermal (Raspberry Pi), soc-thermal,
coretemp, x86_pkg_temp, CPU-therm (Jetson). Others measure batteries, radios and disks."""
_PROCESSOR_COOLING = ("cpufreq", "processor")
"""Parts of the names of cooling devices that slow the processor down; others are fans."""
_FREQUENCY_CAPPED, _THROTTLED = 1 << 1, 1 << 2
"""Bits of the Raspberry Pi's `get_throttled` for the present, set by heat or by a weak power supply. Bit 3,
the soft limit, is left out: a Pi 3B+ reaches it at 60 degrees Celsius and may stay there for good."""


def board(root: Path = ROOT) -> str | None:
    """Returns the board's name, such as `Raspberry Pi 5 Model B Rev 1.0`, or else the processor's."""
    name = (_text(root / "proc/device-tree/model") or "").strip("\0\n ")
    lines = (_text(root / "proc/cpuinfo") or "").split("\n")
    processors = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return name or next(processors, "") or None


def clock_governor(root: Path = ROOT) -> str | None:
    """Returns the CPU frequency governor, such as `performance`; joined by "and" where cores differ."""
    files = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    return " and ".join(sorted({(_text(file) or "").strip() for file in files})) or None


def clock_mhz(root: Path = ROOT) -> float | None:
    """Returns the current clock frequency in MHz, averaged over all cores."""
    files = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
    khz = [value for value in map(_number, files) if value is not None]
    if khz:
        return sum(khz) / len(khz) / 1000
    lines = (_text(root / "proc/cpuinfo") or "").split("\n")
    mhz = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    return sum(mhz) / len(mhz) if mhz else None


def temperature_c(root: Path = ROOT) -> float | None:
    """Returns the temperature of the processor's hottest sensor, in degrees Celsius."""
    zones = (root / "sys/class/thermal").glob("thermal_zone*")
    found = [_number(zone / "temp") for zone in zones if _is_named(zone, _PROCESSOR_ZONES)]
    millidegrees = [value for value in found if value is not None]
    return max(millidegrees) / 1000 if millidegrees else None


def is_throttled(root: Path = ROOT) -> bool:
    """Returns whether heat, or a weak power supply, keeps the clock below what was asked for.

    The frequency itself does not show it: a governor lowers it whenever there is little to do, and
    `scaling_max_freq` may be the owner's choice. So this asks those that throttle: the kernel's cooling
    devices and the Raspberry Pi's firmware.
    """
    cooling = (root / "sys/class/thermal").glob("cooling_device*")
    if any(_number(device / "cur_state") for device in cooling if _is_named(device, _PROCESSOR_COOLING)):
        return True
    return bool((firmware_flags(root) or 0) & (_FREQUENCY_CAPPED | _THROTTLED))


def firmware_flags(root: Path = ROOT) -> int | None:
    """Returns the Raspberry Pi's `get_throttled`: the present state and, 16 bits up, all since boot."""
    files = (root / "sys/devices/platform").glob("soc*/soc*:firmware/get_throttled")
    return next((flags for flags in (_number(file, 16) for file in files) if flags is not None), None)


def supply_is_low(root: Path = ROOT) -> bool | None:
    """Returns whether the kernel's monitor sees a Raspberry Pi's supply below its limit (4.63 V)."""
    monitors = (root / "sys/class/hwmon").glob("hwmon*")
    alarms = [_number(one / "in0_lcrit_alarm") for one in monitors if _text(one / "name") == "rpi_volt\n"]
    return bool(alarms[0]) if alarms and alarms[0] is not None else None


def _is_named(device: Path, parts: tuple[str, ...]) -> bool:
    name = (_text(device / "type") or "").lower()
    return any(part in name for part in parts)


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_text(path) or "", base)
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, UnicodeDecodeError):
        return None
