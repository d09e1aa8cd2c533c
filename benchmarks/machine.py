"""The machine that a benchmark ran on, and what about it makes figures doubtful."""

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """Facts that belong beside every figure."""

    cpu: str
    cores: int
    """That this process may use."""
    governor: str | None
    """Of the clock frequency, such as `performance`; None where the system does not say."""
    load: float
    """Mean number of running processes over the last minute, before the benchmark."""
    system: str
    python: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may have disturbed the figures, one line each."""
        lines = []
        if self.load > self.cores / 2:
            lines.append(
                f"the machine was busy: load {self.load:.2f} on {self.cores} cores; "
                "run it again when it is quiet"
            )
        if self.governor not in (None, "performance"):
            lines.append(
                f"the clock varies: governor {self.governor}; `echo performance | sudo tee "
                "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor` holds it"
            )
        return tuple(lines)


def read_machine(root: Path = Path("/")) -> Machine:
    """Reads the facts; `root` is where `proc` and `sys` are."""
    return Machine(
        cpu=_cpu(root),
        cores=_cores(),
        governor=_governor(root),
        load=os.getloadavg()[0],
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
    )


def _cpu(root: Path) -> str:
    board = (_text(root / "proc/device-tree/model") or "").strip("\0\n ")  # a Raspberry Pi says it here
    lines = (_text(root / "proc/cpuinfo") or "").split("\n")
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return board or next(names, "") or platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _governor(root: Path) -> str | None:
    """The governors of all cores, which are one and the same unless somebody has been tuning."""
    files = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    return " and ".join(sorted({(_text(file) or "").strip() for file in files})) or None


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
