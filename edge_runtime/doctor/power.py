"""Whether the power supply is strong enough and the processor cool enough, as the firmware says."""

from pathlib import Path

from ..hardware import clock_is_held_down, firmware_flags, supply_is_low, temperature_c
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
    if clock_is_held_down(root) or (flags or 0) & _SLOWED_NOW:
        return problem(check, f"the processor's clock is held down{at}", _FEWER_FRAMES, _COOLING)
    if degrees_c is not None and degrees_c >= _HOT_C:
        return warning(check, f"the processor is hot{at}", _FEWER_FRAMES, _COOLING)
    if (flags or 0) & _SLOWED_ONCE:
        return warning(check, f"the clock was held down since the board was started{at}", advice=_COOLING)
    return ok(check, f"full clock{at}")
