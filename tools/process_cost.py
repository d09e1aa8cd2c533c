"""What a running program costs the machine: its processes together, as Linux counts them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls.edge_runtime.camera.pace import process_cpu_s

_PROC = Path("/proc")
_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ ([0-9a-f]+) (\S+) (\d+)")
"""In smaps: the offset in a file, its device and its inode."""
_SIZE = re.compile(r"^(Rss|Pss|Shared_Clean|Shared_Dirty|Private_Clean|Private_Dirty):\s+(\d+) kB")


@dataclass(frozen=True)
class MemoryUse:
    """Memory in RAM of several processes, in three ways of counting what they share."""

    together_bytes: int
    """Once: what they need where nothing else runs. The figure to plan with."""
    pss_bytes: int
    """Divided among all processes that share it, even those of other programs (such as a benchmark)."""
    rss_bytes: int
    """In each of them."""


def family_of(pid: int) -> list[int]:
    """The process and its descendants."""
    children: dict[int, list[int]] = {}
    for file in _PROC.glob("[0-9]*/stat"):
        fields = _text(file).rpartition(")")[2].split()  # the name before it may hold blanks
        if fields:
            children.setdefault(int(fields[1]), []).append(int(file.parent.name))
    family = [pid]
    for member in family:
        family += children.get(member, [])
    return family


def cpu_s(family: Sequence[int]) -> float:
    """Processor time of these processes since they started; of one that has ended, none."""
    return sum(process_cpu_s(member) or 0.0 for member in family)


def memory_use(family: Sequence[int]) -> MemoryUse:
    """Reads the memory of these processes; one that has ended has none."""
    shared: dict[str, int] = defaultdict(int)
    sums: dict[str, int] = defaultdict(int)
    for member in family:
        for mapping, kind, size_bytes in _sizes(member):
            sums[kind] += size_bytes
            if kind.startswith("Shared"):
                key = f"{mapping} {kind}"
                shared[key] = max(shared[key], size_bytes)
    private = sums["Private_Clean"] + sums["Private_Dirty"]
    return MemoryUse(private + sum(shared.values()), sums["Pss"], sums["Rss"])


def _sizes(pid: int) -> Iterator[tuple[str, str, int]]:
    """Of each mapping of a process: (part of a file, kind of size, bytes)."""
    mapping = ""
    for line in _text(_PROC / str(pid) / "smaps").splitlines():
        if found := _MAPPING.match(line):
            mapping = " ".join(found.groups())
        elif found := _SIZE.match(line):
            yield mapping, found[1], int(found[2]) * 1024


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
