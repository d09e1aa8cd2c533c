"""What times one way: `python -m edgecls.benchmarks.way_process MODEL WAY FRAMES THREADS`.

Each way has a process of its own, as a program that takes it has, so that none lives in the memory that
another has left behind.

It answers requests over stdin and stdout until stdin ends, a line of JSON each way:

    (at start)                        {"engine": "litert 2.3.0", "stages": ["decode", "engine"]}
    {"do": "window", "seconds": 0.2}  {"samples_ns": [[540000, 21700], ...]}
    {"do": "labels"}                  {"labels": [3, 8, ...]}, one for each frame

An error of ours is answered with {"error": text, "kind": class name}. Anything else ends the process.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..edge_runtime.classifier import Classifier
from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.workers import take_stdout
from .frames import FrameFile
from .ways import InFull, Ours, Way, time_window

OpenWay = Callable[[Path, FrameFile, int], Way]
"""Opens a way with a model, the frames that it will see, and a number of threads."""


def serve(ways: Mapping[str, OpenWay]) -> None:
    """Opens the way that the command line names, and answers until stdin ends."""
    model, way, frames, threads = sys.argv[1:]
    with take_stdout() as replies:
        for reply in _answers(ways[way], Path(model), FrameFile(Path(frames)), int(threads)):
            replies.write(json.dumps(reply, separators=(",", ":")) + "\n")


def _answers(open_way: OpenWay, model: Path, frames: FrameFile, threads: int) -> Iterator[dict[str, Any]]:
    try:
        way = open_way(model, frames, threads)
        yield {"engine": way.engine, "stages": way.stages}
        going = way.answers(frames.for_ever())
        for line in sys.stdin:
            request = json.loads(line)
            if request["do"] == "labels":
                yield {"labels": [answer.label for answer in way.answers(frames)]}
            else:
                yield {"samples_ns": time_window(going, request["seconds"])}
    except EdgeclsError as error:
        yield {"error": str(error), "kind": type(error).__name__}


def _ours(model: Path, _: FrameFile, threads: int) -> Way:
    return Ours(Classifier(model, threads=threads))


def _in_full(model: Path, _: FrameFile, threads: int) -> Way:
    return InFull(Classifier(model, threads=threads))


WAYS: dict[str, OpenWay] = {"edgecls": _ours, "in full": _in_full}


if __name__ == "__main__":
    serve(WAYS)
