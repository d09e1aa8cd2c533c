"""How long a new process takes to its first label, and how much memory it needs."""

import json
from pathlib import Path
from time import perf_counter_ns

from .child import started
from .report import ColdStart

_LIMIT_S = 120.0


def measure_cold_start(model: Path, image: Path, threads: int, peer: str = "") -> ColdStart:
    """Starts Python, imports, loads, decodes and classifies one image file, and stops the clock at the label.

    Only the process is cold: the system may hold the files in memory.

    Raises:
        BadModel: the process failed.
    """
    start_ns = perf_counter_ns()
    with started("first_label", str(model), str(image), peer, threads=threads) as child:
        label = child.read_line(_LIMIT_S).decode().strip()
        seconds = (perf_counter_ns() - start_ns) / 1e9
        return ColdStart(label, seconds, json.loads(child.read_line(_LIMIT_S)))
