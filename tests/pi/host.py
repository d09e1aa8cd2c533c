"""What a machine needs before it can run a Raspberry Pi's userland, and how what it lacks is called."""

import os
import shutil
import subprocess
from pathlib import Path

_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_QEMU_FORMAT = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_PACKAGES = {
    "qemu-aarch64-static": "qemu-user-static",
    "mmdebstrap": "mmdebstrap",
    "arch-test": "arch-test",
    "unshare": "util-linux",
    str(KEYRING): "debian-archive-keyring",
}
"""What must be there, a program or a file, and the Debian package that it is in."""
_PACKAGES_TO_COUNT = {"qemu-aarch64": "qemu-user", "gcc": "gcc libc6-dev"}
"""Only the dynamic QEMU loads plugins, and ours has to be compiled."""


def lacking(*, counting: bool = False) -> str:
    """Why this machine cannot run arm64 programs, as one line with the remedy; empty where it can.

    Registers arm64 with the kernel where that is all that is missing: it lasts until the next boot.

    Args:
        counting: whether instructions are to be counted, too.
    """
    if not shutil.which("apt-get"):
        return "needs a Debian machine: the userland is made with apt"
    if os.geteuid() != 0:
        return "needs root, to mount and chroot: run it with sudo"
    wanted = _PACKAGES | (_PACKAGES_TO_COUNT if counting else {})
    missing = [package for what, package in wanted.items() if not (shutil.which(what) or Path(what).exists())]
    if missing:
        return f"needs programs; run `apt install {' '.join(missing)}`"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        return "may not mount: a container needs the capability SYS_ADMIN"
    return _register_arm64()


def _register_arm64() -> str:
    """Lets the kernel start arm64 programs through QEMU; returns why it cannot, or nothing."""
    try:
        if not (_BINFMT / "register").exists():
            subprocess.run(
                ["mount", "-t", "binfmt_misc", "binfmt_misc", _BINFMT], capture_output=True, check=True
            )
        if not (_BINFMT / "qemu-aarch64").exists():
            (_BINFMT / "register").write_text(_QEMU_FORMAT.read_text().strip())
        enabled = (_BINFMT / "qemu-aarch64").read_text().startswith("enabled")
    except (OSError, subprocess.CalledProcessError) as error:
        return f"the kernel takes no binfmt_misc format: {error}"
    return "" if enabled else "binfmt_misc has arm64 disabled: run `update-binfmts --enable qemu-aarch64`"
