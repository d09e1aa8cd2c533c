"""Whether the system can run the packages that edgecls needs: word size, C library, environment."""

import shlex

from .finding import Finding, ok, problem, warning
from .machine import Python

GLIBC = (2, 28)
"""What the newest of the wheels for aarch64 ask for, by their tags: onnxruntime 1.32 and numpy 2.4
manylinux_2_28, ai-edge-litert 2.3 manylinux_2_27, opencv-python 5.0 manylinux_2_17."""

_IMAGER = "write the 64-bit Raspberry Pi OS (Bookworm or later) to the card, as with Raspberry Pi Imager"


def check_word_size(bits: int, processor: str) -> Finding:
    """Whether Python is a 64-bit program: there are no 32-bit wheels of either engine.

    Args:
        bits: of Python's pointers.
        processor: as the kernel says. The 32-bit Raspberry Pi OS has a 64-bit kernel on a Pi 4 and later, so
            that `uname -m` says aarch64 there, too.
    """
    check = "word size"
    if bits == 64:
        return ok(check, "64 bits")
    none = "LiteRT and onnxruntime have no wheels for 32 bits"
    if processor == "armv6l":
        return problem(
            check,
            f"this board's processor (armv6l) has 32 bits only, and {none}",
            advice="use a Raspberry Pi 3, 4, 5 or Zero 2 W",
        )
    if processor in ("aarch64", "x86_64"):
        return problem(check, f"a 32-bit system on a 64-bit kernel ({processor}), and {none}", advice=_IMAGER)
    return problem(check, f"a 32-bit system ({processor}), and {none}", advice=_IMAGER)


def check_glibc(version: tuple[int, int] | None) -> Finding:
    """Whether the C library is one that the wheels were made for, and new enough.

    Args:
        version: of glibc; None where it is another library, such as musl.
    """
    check = "C library"
    needed = f"glibc {GLIBC[0]}.{GLIBC[1]}"
    newer = "install a newer system: Debian or Raspberry Pi OS 12 (Bookworm) or later"
    if version is None:
        return problem(check, f"not glibc; the engines' wheels need {needed} or later", advice=newer)
    named = f"glibc {version[0]}.{version[1]}"
    if version < GLIBC:
        return problem(check, f"{named} is too old: the engines' wheels need {needed} or later", advice=newer)
    return ok(check, named)


def check_environment(python: Python) -> Finding:
    """Whether edgecls is in an environment of its own, where pip and apt do not overwrite each other."""
    check = "environment"
    if python.externally_managed:
        return warning(
            check,
            f"edgecls is in the system's own Python ({python.executable}), which apt changes as well",
            f"{shlex.quote(python.executable)} -m venv --system-site-packages ~/edgecls "
            "&& ~/edgecls/bin/pip install edgecls",
        )
    return ok(check, str(python.prefix))
