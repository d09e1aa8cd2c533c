"""What measures one file: `python -m edgecls.benchmarks.worker_main MODEL IMAGES PEER CARD THREADS`.

It opens the file and then answers requests over stdin and stdout until stdin ends, a line of JSON each way:

    (at start)                        {"engine": "litert 2.3.0", "load_ms": 2.1, "first_inference_ms": 0.4}
    {"do": "score", "out": PATH}      {}; the probabilities of all IMAGES, float32 (N, C), are in PATH as .npy
    ... and "images": PATH            the same, of the images in that .npy
    {"do": "window", "seconds": 0.2}  {"wake_ns": 91000, "samples_ns": [21700, ...], "cpu_ns": 199000000}

CARD is empty, or the JSON file with the card of a model that has none inside. See `serve` about errors.
"""

import itertools
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import Any

import numpy as np

from ..edge_runtime.engines.engine import Engine
from ..edge_runtime.engines.open import open_engine
from ..edge_runtime.files import whole_file
from ..edge_runtime.models.model_file import ModelFile, ModelFormat, read_model
from ..edge_runtime.models.trial import check_model
from ..edge_runtime.workers import requests, serve
from ..export.parity import predict_all
from .model_files import with_card
from .peers import open_peer

PICTURES = 64
"""Timed in turn, and held in memory: a frame that was just prepared is in the cache as well."""


def main() -> None:
    """Opens the file that the command line names, and answers until stdin ends."""
    path, images_path, peer, card, threads = sys.argv[1:]
    images = np.load(images_path, mmap_mode="r")
    pictures = itertools.cycle(list(np.array(images[:: max(1, len(images) // PICTURES)][:PICTURES])))
    serve(_answers(partial(open_file, path, int(threads), peer, card), images, pictures))


def _answers(
    opening: Callable[[], tuple[Engine, ModelFile]], images: np.ndarray, pictures: Iterator[np.ndarray]
) -> Iterator[dict[str, Any]]:
    start_ns = perf_counter_ns()
    engine, _ = opening()
    load_ms = (perf_counter_ns() - start_ns) / 1e6
    first_ms = _time_one(engine, next(pictures)) / 1e6
    yield {"engine": engine.name, "load_ms": load_ms, "first_inference_ms": first_ms}
    for request in requests():
        if request["do"] == "score":
            others = request.get("images")
            _score(engine, np.load(others, mmap_mode="r") if others else images, Path(request["out"]))
            yield {}
        else:
            yield time_window(engine, pictures, request["seconds"])


def open_file(path: str | Path, threads: int, peer: str = "", card: str = "") -> tuple[Engine, ModelFile]:
    """Opens any model file, the Keras original included, in the engine of its format or in a peer by name.

    TensorFlow takes its number of threads from the environment (see `measuring_worker`), not from here.

    Raises:
        MissingInput, BadModel, Unavailable: see `read_model`, `open_engine` and `load_network`.
    """
    model = with_card(Path(path), Path(card)) if card else read_model(path)
    if peer:
        check_model(model)
        return open_peer(peer, model, threads), model
    if model.format is ModelFormat.H5:
        from ..export.keras_file import KerasEngine, load_again  # noqa: PLC0415 - only there is TensorFlow

        return KerasEngine(load_again(model) if model.is_foreign else model), model
    return open_engine(model, threads=threads), model


def time_window(engine: Engine, pictures: Iterator[np.ndarray], seconds: float) -> dict[str, Any]:
    """Times every inference of a stretch of at least `seconds`; nothing is left out.

    The first one is reported apart (`wake_ns`): the process had slept while the others were timed, so it pays
    for caches and clocks, which a camera that runs all the time does not.
    """
    samples_ns: list[int] = []
    wake_ns = _time_one(engine, next(pictures))
    cpu_start_ns = process_time_ns()
    end_ns = perf_counter_ns() + round(seconds * 1e9)
    while not samples_ns or perf_counter_ns() < end_ns:
        samples_ns.append(_time_one(engine, next(pictures)))
    return {"wake_ns": wake_ns, "samples_ns": samples_ns, "cpu_ns": process_time_ns() - cpu_start_ns}


def _time_one(engine: Engine, picture: np.ndarray) -> int:
    start_ns = perf_counter_ns()
    engine.probabilities(picture)
    return perf_counter_ns() - start_ns


def _score(engine: Engine, images: np.ndarray, out: Path) -> None:
    many = getattr(engine, "many", None)  # Keras takes minutes for one at a time
    with whole_file(out) as beside:
        np.save(beside, many(images) if many else predict_all(engine, images))


if __name__ == "__main__":
    main()
