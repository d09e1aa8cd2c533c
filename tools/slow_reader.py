"""A slow reader of a camera: `python -m tools.slow_reader MODEL URL ANSWERS THREADS`.

Answers with the number, age and classification time of each frame, as `AgeSample` has them.
"""

import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import numpy as np

from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.camera.sources.open import open_source
from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.engines.engine import Engine
from edgecls.edge_runtime.workers import serve

from .frame_age import RATE_FPS, SLOWER, AgeSink

_GOLDEN = 0.618
"""Multiples of it, without their whole parts, fill the interval from 0 to 1 evenly."""


def main() -> None:
    """Reads the camera that the command line names."""
    model, url, answers, threads = sys.argv[1:]
    serve(_ages(model, url, int(answers), int(threads)))


def _ages(model: str, url: str, answers: int, threads: int) -> Iterator[dict[str, Any]]:
    sink = AgeSink()
    with Classifier(model, threads=threads) as classifier:
        classifier.engine = SlowEngine(classifier.engine, rests())
        report = Loop(classifier, [sink], answers).run(open_source(url, one_shot=True))
    if report.failure:
        raise report.failure
    yield {"samples": [astuple(sample) for sample in sink.samples]}


class SlowEngine:
    """Takes its time before it answers: a large network on a small machine.

    Args:
        engine: gives the answers.
        rests_s: how long it waits before each.
    """

    def __init__(self, engine: Engine, rests_s: Iterator[float]) -> None:
        self.name, self.input_size_px, self.classes = engine.name, engine.input_size_px, engine.classes
        self._engine = engine
        self._rests_s = rests_s

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        time.sleep(next(self._rests_s))
        return self._engine.probabilities(image)

    def close(self) -> None:
        """See `Engine.close`."""
        self._engine.close()


def rests() -> Iterator[float]:
    """Ten frame intervals each, and more by up to one, evenly spread; in seconds.

    Otherwise the reader would come back to the camera at about the same moment between two frames each time,
    and the ages would be a matter of luck.
    """
    for number in itertools.count():
        yield (SLOWER + number * _GOLDEN % 1) / RATE_FPS


if __name__ == "__main__":
    main()
