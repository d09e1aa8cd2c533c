"""The one place that calls systemctl."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from ..errors import PermissionRefused, Unavailable

Systemctl = Callable[..., str]
"""Takes the arguments of systemctl, gives what it printed; raises EdgeclsError."""


def systemctl(*arguments: str) -> str:
    """Runs systemctl.

    Raises:
        PermissionRefused: only root may.
        Unavailable: there is none, or it refuses.
    """
    try:
        done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise no_systemd() from error
    if done.returncode == 0:
        return done.stdout
    said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[0]
    what = f"systemctl {' '.join(arguments)}: {said.rstrip('.')}"
    if "authentication required" in said.lower() or "access denied" in said.lower():
        raise PermissionRefused(f"{what}; run it with sudo")
    raise Unavailable(f"{what}; see `journalctl -e`")


def check_booted(root: Path) -> None:
    """Checks that systemd runs this machine, as sd_booted(3) does.

    Raises:
        Unavailable: it does not.
    """
    if not (root / "run/systemd/system").is_dir():
        raise no_systemd()


def no_systemd() -> Unavailable:
    """The error to raise where systemd does not run the machine."""
    return Unavailable(
        "systemd does not run this machine, so there is no service; start `edgecls camera` by what does, or "
        "see the unit with `edgecls service install --print`"
    )
