"""Whether the camera on a Raspberry Pi's ribbon cable can be read: picamera2 comes from apt, not from pip."""

import shlex
from pathlib import Path

from .finding import Finding, ok, problem
from .machine import Python

STATEMENT = "import picamera2"
"""What shows whether it can be loaded."""

_PACKAGE = "usr/lib/python3/dist-packages/picamera2"
_INSTALL = "sudo apt install -y python3-picamera2"


def check_picamera2(why_not: str | None, python: Python, root: Path) -> Finding:
    """Whether picamera2 can be loaded from this environment.

    Args:
        why_not: what goes wrong with it; None: nothing.
        python: the environment.
        root: where usr is.
    """
    check = "picamera2"
    if why_not is None:
        return ok(check, "can be loaded")
    if "dtype size changed" in why_not:  # picamera2 #1211: apt's was compiled for the system's numpy 1
        return problem(
            check,
            "picamera2 cannot be loaded: the system's simplejpeg was compiled for an older numpy",
            python.pip("install", "--force-reinstall", "--no-deps", "simplejpeg"),
        )
    installed = (root / _PACKAGE).exists()
    steps = [] if installed else [_INSTALL]
    what = "installed" if installed else "not installed"
    if not _sees_system_packages(python):
        steps.append(_let_in_system_packages(python))
        what += ", and this virtual environment does not see the system's packages"
    if steps:
        return problem(check, f"picamera2 is {what}", " && ".join(steps))
    return problem(check, f"picamera2 cannot be loaded: {why_not}", _INSTALL.replace("-y", "-y --reinstall"))


def _sees_system_packages(python: Python) -> bool:
    if python.base_prefix != Path("/usr"):  # another Python than the system's, such as uv's or pyenv's
        return False
    if not python.is_virtual:
        return True
    try:
        lines = (python.prefix / "pyvenv.cfg").read_text().splitlines()
    except OSError:
        return False
    return "include-system-site-packages = true" in (line.strip().lower() for line in lines)


def _let_in_system_packages(python: Python) -> str:
    if python.base_prefix == Path("/usr"):  # made again in its place, it keeps what is installed in it
        return f"/usr/bin/python3 -m venv --system-site-packages {shlex.quote(str(python.prefix))}"
    return (
        "/usr/bin/python3 -m venv --system-site-packages ~/edgecls-csi "
        "&& ~/edgecls-csi/bin/pip install edgecls"
    )
