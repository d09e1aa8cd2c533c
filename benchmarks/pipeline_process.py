"""The process that times a pipeline.

    python -m edgecls.benchmarks.pipeline_process MODEL NAME FRAMES THREADS

Each pipeline has a process of its own, as a program has, so that none lives in the memory that another has
left behind. It answers requests over stdin and stdout until stdin ends, a line of JSON each way:

    (at start)                        {"engine": "litert 2.3.0", "stages": ["decode", "engine"]}
    {"do": "window", "seconds": 0.2}  {"samples_ns": [[540000, 21700], ...]}
    {"do": "labels"}                  {"labels": [3, 8, ...]}, one for each frame

See `serve` about errors.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..edge_runtime.classifier import Classifier
from ..edge_runtime.workers import requests, serve
from .frames import FrameFile
from .pipeline import CameraPipeline, Pipeline, time_window

OpenPipeline = Callable[[Path, FrameFile, int], Pipeline]
"""Opens a pipeline with a model, the frames that it will see, and a number of threads."""


def serve_pipelines(pipelines: Mapping[str, OpenPipeline]) -> None:
    """Opens the pipeline that the command line names, and answers until stdin ends."""
    model, name, frames, threads = sys.argv[1:]
    serve(_answers(pipelines[name], Path(model), FrameFile(Path(frames)), int(threads)))


def _answers(
    open_pipeline: OpenPipeline, model: Path, frames: FrameFile, threads: int
) -> Iterator[dict[str, Any]]:
    pipeline = open_pipeline(model, frames, threads)
    yield {"engine": pipeline.engine, "stages": pipeline.stages}
    endless = pipeline.answers(frames.for_ever())
    for request in requests():
        if request["do"] == "labels":
            yield {"labels": [answer.label for answer in pipeline.answers(frames)]}
        else:
            yield {"samples_ns": time_window(endless, request["seconds"])}


def _camera(model: Path, _: FrameFile, threads: int) -> Pipeline:
    return CameraPipeline(Classifier(model, threads=threads))


PIPELINES: dict[str, OpenPipeline] = {"edgecls": _camera}


if __name__ == "__main__":
    serve_pipelines(PIPELINES)
