"""Scores of ten images, made up so that each figure is known."""

import numpy as np
import pytest

from edgecls.benchmarks.corruptions.corrupt import CORRUPTIONS
from edgecls.benchmarks.corruptions.report import CorruptedFileReport, CorruptionReport, Scores
from edgecls.benchmarks.file_report import DataReport
from edgecls.benchmarks.machine import Machine


def _first(count: int) -> np.ndarray:
    return np.arange(10) < count


@pytest.fixture
def scores() -> Scores:
    """Eight of ten are right; under JPEG 8, 8, 7, 5, 4, under anything else seven."""
    corrupted = {corruption.name: np.stack([_first(7)] * 5) for corruption in CORRUPTIONS}
    corrupted["jpeg"] = np.stack([_first(count) for count in (8, 8, 7, 5, 4)])
    return Scores(_first(8), corrupted)


@pytest.fixture
def report(scores: Scores) -> CorruptionReport:
    broken = CorruptedFileReport("b.onnx", error="b.onnx: the file is empty", exit_code=65)
    return CorruptionReport(
        "2025-01-02T03:04:05+00:00",
        Machine("CPU", 2, None, 0.1, "Linux", "3.11"),
        DataReport("pets", "ab" * 32, 10, 20, 2, 64, 96),
        threads=1,
        files=(CorruptedFileReport("models/a.tflite", "litert 2.3.0", scores), broken),
    )
