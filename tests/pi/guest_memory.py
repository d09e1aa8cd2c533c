"""The memory of programs that run under QEMU, without QEMU's own."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

_MAPPING = re.compile(
    r"^(?P<start>[0-9a-f]+)-[0-9a-f]+ \S+ (?P<offset>[0-9a-f]+) (?P<device>\S+) (?P<inode>\d+)"
)
_SIZE = re.compile(r"^(?P<kind>Shared|Private)_(?:Clean|Dirty):\s+(?P<kilobytes>\d+) kB")
_GUEST_END = 1 << 40
"""QEMU places a program for arm64 below this address; itself, and what it translates it to, far above."""


def guest_memory_bytes(family: Sequence[int]) -> int:
    """Memory in RAM of these processes together, each shared page once."""
    private_bytes = 0
    shared_bytes: dict[tuple[str, ...], int] = defaultdict(int)
    for pid in family:
        seen: dict[tuple[str, ...], int] = defaultdict(int)
        mapping: re.Match[str] | None = None
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            mapping = _MAPPING.match(line) or mapping
            size = _SIZE.match(line)
            if not (size and mapping) or int(mapping["start"], 16) >= _GUEST_END:
                continue
            if size["kind"] == "Private":
                private_bytes += int(size["kilobytes"]) * 1024
            else:
                seen[mapping["device"], mapping["inode"], mapping["offset"]] += int(size["kilobytes"]) * 1024
        for part, size_bytes in seen.items():
            shared_bytes[part] = max(shared_bytes[part], size_bytes)
    return private_bytes + sum(shared_bytes.values())
