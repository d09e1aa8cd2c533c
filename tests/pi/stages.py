"""Runs in the userland: repeats each stage from a JPEG to a label, with marks between, for counting.py.

    python stages.py plan.json

The plan names the model files, those that a naive program runs as well, and the frames as (name, file).
Each stage leaves a line of JSON on stdout and three marks: it runs some times to warm up, n times between the
first two, and 2n times between the last two. The difference is what n cost, without a loop's start.
"""

import gc
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import decode_reduced, prepare_box
from edgecls.edge_runtime.images.rule import crop_box
from tools.naive import Naive

_MARK = 0x5EED00
_WARM_UP = 2
_ENGINE_RUNS = 10
_FRAME_RUNS = 2


def _measure(name: dict[str, str], stage: Callable[[], object], runs: int) -> None:
    for _ in range(_WARM_UP):
        stage()
    _mark()
    for times in (runs, 2 * runs):
        for _ in range(times):
            stage()
        _mark()
    sys.stdout.write(json.dumps(name | {"runs": runs}) + "\n")


def _mark() -> None:
    with suppress(ProcessLookupError):
        os.getpgid(_MARK)


def _measure_file(file: str, frames: list[tuple[str, str]]) -> None:
    """The engine by itself, and the whole way that `edgecls camera` takes with this file."""
    with Classifier(file) as classifier:
        rule = classifier.card.image
        size = (rule.height_px, rule.width_px, 3)
        image = np.random.default_rng(0).integers(0, 256, size, np.uint8)
        _measure(
            {"file": file, "stage": "engine"}, lambda: classifier.engine.probabilities(image), _ENGINE_RUNS
        )
        scores = classifier.engine.probabilities(image)
        _measure({"file": file, "stage": "rank"}, lambda: classifier.rank(scores).label, _ENGINE_RUNS)
        for frame, path in frames:
            content = Path(path).read_bytes()

            def decoded(content: bytes = content):
                return decode_reduced(content, rule, lambda height, width: crop_box(height, width, rule))

            part = decoded()
            name = {"file": file, "frame": frame}
            _measure(name | {"stage": "decode"}, decoded, _FRAME_RUNS)
            _measure(
                name | {"stage": "resize"},
                lambda part=part: prepare_box(part.pixels, part.box, rule, part.scale),
                _FRAME_RUNS,
            )
            _measure(
                name | {"stage": "whole"},
                lambda content=content: classifier.classify(content).label,
                _FRAME_RUNS,
            )


def _measure_naive(file: str, frames: list[tuple[str, str]]) -> None:
    """The same way as a first program goes it; see tools/naive.py."""
    naive = Naive(Path(file))
    for frame, path in frames:
        content = Path(path).read_bytes()
        coded = np.frombuffer(content, np.uint8)
        name = {"file": file, "frame": frame}
        _measure(
            name | {"stage": "naive decode"},
            lambda coded=coded: cv2.imdecode(coded, cv2.IMREAD_COLOR),
            _FRAME_RUNS,
        )
        _measure(
            name | {"stage": "naive"}, lambda content=content: list(naive.answers([content])), _FRAME_RUNS
        )


def _main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    cv2.setNumThreads(1)
    gc.disable()  # it would come in the middle of some stage
    for file in plan["files"]:
        _measure_file(file, plan["frames"])
    for file in plan["naive"]:
        _measure_naive(file, plan["frames"])


if __name__ == "__main__":
    _main()
