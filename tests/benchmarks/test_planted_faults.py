"""Faults that a benchmark must see through, planted into real files and processes.

Others stand beside what finds them: duplicates and calibration images in `test_leaks`, NaN in `test_run`.
"""

import hashlib
import os
import signal
from dataclasses import replace
from threading import Event, Thread

import numpy as np
import pytest

from edgecls.benchmarks.earlier import EarlierReport
from edgecls.benchmarks.file_report import BenchSettings, to_answers
from edgecls.benchmarks.measure import measure_files
from edgecls.benchmarks.report import render
from tests.colours import DATA_SHA256

KERAS_SHA256 = hashlib.sha256(b"the .h5 of a workstation").hexdigest()
QUICKEST = BenchSettings(seconds=0.01, windows=1, cold_starts=0)


@pytest.fixture
def keras(colours):
    """A report in which Keras is always right."""
    answers = to_answers(np.eye(3, dtype=np.float32)[colours.truth])
    return EarlierReport(
        "workstation.json",
        {
            "created_at": "2025-01-02",
            "machine": {"cpu": "CPU"},
            "data": {"sha256": DATA_SHA256, "images": 30},
            "files": [{"format": "Keras", "sha256": KERAS_SHA256, "accuracy": 1.0, "answers": vars(answers)}],
        },
    )


def test_a_file_whose_labels_are_shuffled_has_lost_more_than_chance_would(colour_model, colours, keras):
    pytest.importorskip("scipy")
    paths = [
        colour_model("sound.onnx", weights_sha256=KERAS_SHA256),
        colour_model("shuffled.onnx", weights_sha256=KERAS_SHA256, order=(1, 2, 0)),
    ]
    sound, shuffled = measure_files(paths, colours, QUICKEST, earlier=keras).files
    assert sound.accuracy.paired.p_value == 1
    assert shuffled.accuracy.paired.lost == tuple(range(30))
    assert shuffled.accuracy.paired.p_value < 1e-8
    assert shuffled.accuracy.paired.interval_points.high < 0


@pytest.mark.timing
def test_a_file_that_is_slower_in_its_second_half_is_noted(colour_model, colours):
    psutil = pytest.importorskip("psutil")
    side_px = 768  # some milliseconds an inference: the brake below acts within each
    large = np.repeat(np.repeat(colours.images[:3], side_px // 8, axis=1), side_px // 8, axis=2)
    tests = replace(colours, images=large, truth=colours.truth[:3], available=3)
    over = Event()
    brakes: list[Thread] = []

    def throttle(step: str) -> None:
        if step.startswith("timing: window 4 of 6"):
            child = next(c for c in psutil.Process().children() if "worker_main" in " ".join(c.cmdline()))
            brakes.append(Thread(target=_brake, args=(child.pid, over)))
            brakes[0].start()

    try:
        settings = BenchSettings(seconds=0.6, windows=6, cold_starts=0)
        report = measure_files([colour_model(side_px=side_px)], tests, settings, throttle)
    finally:
        over.set()
        brakes[0].join()
    assert "times as slow in the second half of the run" in render(report)


def _brake(process_id: int, over: Event) -> None:
    """Lets a process run for one of four milliseconds, as a hot chip's firmware does."""
    while not over.wait(0.001):
        try:
            os.kill(process_id, signal.SIGSTOP)
            over.wait(0.003)
            os.kill(process_id, signal.SIGCONT)
        except ProcessLookupError:
            return
