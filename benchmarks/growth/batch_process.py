"""What times batches: `python -m edgecls.benchmarks.growth.batch_process MODEL IMAGES BATCHES THREADS`.

BATCHES are numbers of images, `1,2,4`. It opens the file for each of them that the file takes, and then
answers requests over stdin and stdout until stdin ends, a line of JSON each way:

    (at start)                      {"engine": "litert 2.3.0", "batches": [1, 2, 4], "note": ""}
    {"batch": 2, "seconds": 0.2}    {"wake_ns": 91000, "samples_ns": [39000, ...], "cpu_ns": 199000000}

A sample is one call with the whole batch. An error of ours is answered with {"error": text, "kind": class
name}. Anything else ends the process.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import Any

import numpy as np

from ...edge_runtime.errors import EdgeclsError
from ..replies import take_stdout
from .batch_engine import open_batches


def main() -> None:
    """Opens the file that the command line names, and answers until stdin ends."""
    path, images_path, batches, threads = sys.argv[1:]
    with take_stdout() as replies:
        for reply in _answers(Path(path), np.load(images_path), batches, int(threads)):
            replies.write(json.dumps(reply, separators=(",", ":")) + "\n")


def _answers(path: Path, images: np.ndarray, batches: str, threads: int) -> Iterator[dict[str, Any]]:
    try:
        engine = open_batches(path, images, [int(batch) for batch in batches.split(",")], threads)
        yield {"engine": engine.name, "batches": list(engine.calls), "note": engine.note}
        for line in sys.stdin:
            request = json.loads(line)
            yield _time_window(engine.calls[request["batch"]], request["seconds"])
    except EdgeclsError as error:
        yield {"error": str(error), "kind": type(error).__name__}


def _time_window(call: Callable[[], object], seconds: float) -> dict[str, Any]:
    """As `timed_process.time_window`; the first call is told apart."""
    samples_ns: list[int] = []
    wake_ns = _time_one(call)
    cpu_start_ns = process_time_ns()
    end_ns = perf_counter_ns() + round(seconds * 1e9)
    while not samples_ns or perf_counter_ns() < end_ns:
        samples_ns.append(_time_one(call))
    return {"wake_ns": wake_ns, "samples_ns": samples_ns, "cpu_ns": process_time_ns() - cpu_start_ns}


def _time_one(call: Callable[[], object]) -> int:
    start_ns = perf_counter_ns()
    call()
    return perf_counter_ns() - start_ns


if __name__ == "__main__":
    main()
