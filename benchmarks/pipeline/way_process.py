"""What times one way: `python -m edgecls.benchmarks.pipeline.way_process MODEL WAY FRAMES THREADS`.

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
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ...edge_runtime.classifier import Classifier
from ...edge_runtime.errors import EdgeclsError
from ...edge_runtime.image import decode, prepare
from ...edge_runtime.model_file import read_model
from ..replies import take_stdout
from .bare_engine import open_bare
from .frame_file import FrameFile
from .way import Way, time_window

_TENSORS = 64


def main() -> None:
    """Opens the way that the command line names, and answers until stdin ends."""
    model, way, frames, threads = sys.argv[1:]
    with take_stdout() as replies:
        for reply in _answers(Path(model), way, FrameFile(Path(frames)), int(threads)):
            replies.write(json.dumps(reply, separators=(",", ":")) + "\n")


def _answers(model: Path, name: str, frames: FrameFile, threads: int) -> Iterator[dict[str, Any]]:
    try:
        way = WAYS[name](model, frames, threads)
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


def _naive(model: Path, _: FrameFile, threads: int) -> Way:
    from .naive import Naive  # noqa: PLC0415 - needs onnxruntime, which a device may lack

    return Naive(model, threads)


def _ours(model: Path, _: FrameFile, threads: int) -> Way:
    from .ours import Ours  # noqa: PLC0415 - the naive way shall not load it

    return Ours(Classifier(model, threads=threads))


def _in_full(model: Path, _: FrameFile, threads: int) -> Way:
    from .ours import InFull  # noqa: PLC0415 - as above

    return InFull(Classifier(model, threads=threads))


def _floor(model: Path, frames: FrameFile, threads: int) -> Way:
    from .floor import Floor, reduction_of  # noqa: PLC0415 - as above

    classifier = Classifier(model, threads=threads)
    pictures = [decode(frame, "frame") for frame in islice(frames, _TENSORS)]
    images = [prepare(picture, classifier.card.image) for picture in pictures]
    reduction = reduction_of(pictures[0].shape[:2], classifier.engine.input_size_px)
    return Floor(open_bare(read_model(model), threads), classifier.engine.name, images, reduction)


def _classify(model: Path, _: FrameFile, threads: int) -> Way:
    from .ready_calls import ReadyClassify  # noqa: PLC0415 - as above

    return ReadyClassify(Classifier(model, threads=threads))


def _call(model: Path, _: FrameFile, threads: int) -> Way:
    from .ready_calls import ReadyCall  # noqa: PLC0415 - as above

    return ReadyCall(open_bare(read_model(model), threads), Classifier(model, threads=threads))


WAYS: dict[str, Callable[[Path, FrameFile, int], Way]] = {
    "naive": _naive,
    "edgecls": _ours,
    "in full": _in_full,
    "floor": _floor,
    "classify": _classify,
    "call": _call,
}
"""How each is opened: with a model, the frames that it will see, and a number of threads."""


if __name__ == "__main__":
    main()
