"""A Raspberry Pi's userland on another machine: Debian for arm64 in a folder, run under QEMU.

64-bit Raspberry Pi OS is made from the same packages. There is no Pi kernel, camera, GPIO or heat in it, and
milliseconds under emulation mean nothing; but the wheels, libraries and results are those of the device.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Model = Literal["pi4", "pi5"]
SUITES = ("bookworm", "trixie")
"""Debian's names, and Raspberry Pi OS's. bookworm has Python 3.11, trixie 3.13."""
ENTER = Path(__file__).with_name("enter.sh")


@dataclass(frozen=True)
class Processor:
    """What programs can find out about the processor of a Pi."""

    qemu_name: str
    part: str
    """In /proc/cpuinfo, as are the others. XNNPACK chooses its kernels by them."""
    variant: str
    revision: int
    features: str

    def cpuinfo(self) -> str:
        """What /proc/cpuinfo says on this processor, with as many cores as this machine has."""
        return "\n".join(
            f"processor\t: {core}\nBogoMIPS\t: 108.00\nFeatures\t: {self.features}\nCPU implementer\t: 0x41\n"
            f"CPU architecture: 8\nCPU variant\t: {self.variant}\nCPU part\t: {self.part}\n"
            f"CPU revision\t: {self.revision}\n"
            for core in range(os.cpu_count() or 1)
        )


PROCESSORS: dict[Model, Processor] = {
    "pi4": Processor("cortex-a72", "0xd08", "0x0", 3, "fp asimd evtstrm crc32 cpuid"),
    "pi5": Processor(
        "cortex-a76",
        "0xd0b",
        "0x4",
        1,
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
    ),
}


@dataclass(frozen=True)
class Userland:
    """A Debian for arm64 in a folder, with a virtual environment at /opt/venv."""

    suite: str
    cache: Path
    """Holds the userlands, what pip downloaded, and what else need not be made twice."""

    @property
    def root(self) -> Path:
        """Its / as this machine sees it."""
        return self.cache / self.suite

    @property
    def site_packages(self) -> Path:
        """What pip installed."""
        (folder,) = (self.root / "opt/venv/lib").glob("python3*/site-packages")
        return folder

    def command(
        self,
        *arguments: object,
        work: Path,
        model: Model = "pi4",
        counter: Path | str = "",
        env: tuple[str, ...] = (),
    ) -> list[str]:
        """The command of this machine that runs a command in there.

        Args:
            arguments: the command; `python` and `edgecls` are those of the virtual environment.
            work: a folder of this machine, in there /mnt and the current one.
            model: which Pi.
            counter: a folder with a QEMU that counts; see counting.py.
            env: more NAME=VALUE.
        """
        processor = PROCESSORS[model]
        cpuinfo = self.cache / f"cpuinfo.{model}"
        cpuinfo.write_text(processor.cpuinfo())
        downloads = self.cache / "downloads"
        downloads.mkdir(exist_ok=True)
        named = {
            "HOME": "/tmp",  # noqa: S108 - it is that of the userland
            "LC_ALL": "C.UTF-8",
            "PATH": "/opt/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "QEMU_CPU": processor.qemu_name,
        }
        entry = ["unshare", "--mount", "--propagation", "private", "bash", ENTER]
        entry += [self.root, cpuinfo, downloads, work, counter]
        pairs = [f"{name}={value}" for name, value in named.items()]
        return [str(part) for part in (*entry, *pairs, *_proxies(), *env, *arguments)]

    def run(
        self,
        *arguments: object,
        work: Path,
        model: Model = "pi4",
        env: tuple[str, ...] = (),
        timeout_s: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command in there to its end, whatever its exit status."""
        return subprocess.run(
            self.command(*arguments, work=work, model=model, env=env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def run_checked(
        self, *arguments: object, work: Path, env: tuple[str, ...] = (), timeout_s: float = 600
    ) -> str:
        """`run` for a command that must not fail; returns its stdout.

        Raises:
            RuntimeError: it failed; with the end of what it said.
        """
        done = self.run(*arguments, work=work, env=env, timeout_s=timeout_s)
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
            raise RuntimeError(f"{self.suite}: {' '.join(map(str, arguments))}: {said}")
        return done.stdout


def cache_folder() -> Path:
    """Where userlands are kept between runs: $EDGECLS_PI_CACHE, or a folder of the user's cache."""
    named = os.environ.get("EDGECLS_PI_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(named) if named else base / "edgecls" / "pi"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _proxies() -> list[str]:
    is_proxy = re.compile(r"(https?|no)_proxy", re.IGNORECASE).fullmatch
    return [f"{name}={value}" for name, value in os.environ.items() if is_proxy(name)]
