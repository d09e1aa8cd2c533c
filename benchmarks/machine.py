"""The machine and the time of a measurement, as every report states them, and warnings about the machine."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..edge_runtime import hardware


@dataclass(frozen=True)
class MachineState:
    """What may change while a benchmark runs."""

    load: float | None
    """Mean number of running processes over the last minute; None where the system does not say."""
    clock_mhz: float | None = None
    """The mean of all cores at this moment; None where the system does not say."""
    temperature_c: float | None = None
    """The hottest sensor of the processor."""
    is_held_down: bool = False
    """Whether heat or a weak power supply keeps the clock below its setting."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the figures may be unreliable, one line each."""
        if not self.is_held_down:
            return ()
        at = f" at {self.temperature_c:.0f} °C" if self.temperature_c is not None else ""
        return (f"the clock is throttled{at}: cool the machine, check its power supply, and run it again",)


@dataclass(frozen=True)
class Machine:
    """The machine that was measured."""

    cpu: str
    cores: int
    """That this process may use."""
    governor: str | None
    """Of the clock frequency, such as `performance`; None where the system does not say."""
    load: float | None
    """Mean number of running processes over the last minute, before the benchmark; None as above."""
    system: str
    python: str
    before: MachineState | None = None
    """What may change while a benchmark runs, before it started."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the figures may be unreliable, one line each."""
        lines = list(self.before.warnings if self.before else ())
        if self.load is not None and self.load > self.cores / 2:
            lines.append(
                f"the machine was busy: load {self.load:.2f} on {self.cores} cores; "
                "run it again when it is idle"
            )
        if self.governor not in (None, "performance"):
            lines.append(
                f"the clock varies: governor {self.governor}; `echo performance | sudo tee "
                "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor` fixes it"
            )
        return tuple(lines)


def load_text(load: float | None) -> str:
    """Returns `load 0.12`, or that the system does not say."""
    return "load not known" if load is None else f"load {load:.2f}"


def read_machine(root: Path = hardware.ROOT) -> Machine:
    """Reads the facts; `root` is where `proc` and `sys` are."""
    state = read_state(root)
    return Machine(
        cpu=hardware.board(root) or platform.machine(),
        cores=_cores(),
        governor=hardware.clock_governor(root),
        load=state.load,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        before=state,
    )


def read_state(root: Path = hardware.ROOT) -> MachineState:
    """Reads what may change while a benchmark runs."""
    return MachineState(
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,  # not on Windows
        clock_mhz=hardware.clock_mhz(root),
        temperature_c=hardware.temperature_c(root),
        is_held_down=hardware.is_throttled(root),
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def timestamp() -> str:
    """The time now, ISO 8601 to the second, with its offset from UTC."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def report_json(schema: int, values: Mapping[str, Any], kind: str = "", indent: int | None = None) -> str:
    """A report as a JSON document that ends its line: first its head, then its values.

    Args:
        schema: raised when an older reader would misread the document; new keys do not raise it.
        values: `created_at` and `machine`, where it has them, and what was found.
        kind: of a report that is not a table of files: `corruptions`, `pipeline`.
        indent: spaces; without it the document is one line.
    """
    head = {"schema": schema, **({"kind": kind} if kind else {}), "edgecls": version("edgecls")}
    separators = None if indent else (",", ":")
    return json.dumps({**head, **values}, ensure_ascii=False, indent=indent, separators=separators) + "\n"
