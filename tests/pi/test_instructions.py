"""What a frame costs on each Pi, in instructions, and how much more the naive program executes."""

import pytest

from .host import lacking
from .stage_counts import STAGES, count_stages

pytestmark = [pytest.mark.pi, pytest.mark.parametrize("pi", ["bookworm"], indirect=True)]

NAIVE_RATIOS = {"pi4": {"640x480": 2.1, "1280x720": 2.7}, "pi5": {"640x480": 2.7, "1280x720": 3.0}}
"""At least. It was 2.21, 2.81, 2.81 and 3.12 with the documented CNN; the figures hardly change."""


@pytest.fixture(scope="module")
def counts(pi, tiny):
    if why := lacking(counting=True):
        pytest.skip(why)
    wanted = [tiny.folder / f"image_classification{name}" for name in ("_int8.tflite", ".onnx")]
    return {entry.model: entry for entry in count_stages(pi, wanted) if entry.file.endswith("_int8.tflite")}


@pytest.mark.parametrize("model", NAIVE_RATIOS)
def test_the_naive_program_executes_several_times_as_many(counts, model):
    entry = counts[model]
    for frame, ratio in NAIVE_RATIOS[model].items():
        assert entry.naive[frame] / entry.stage(frame, "whole") >= ratio
        assert sum(entry.stage(frame, stage) for stage in STAGES) == pytest.approx(
            entry.stage(frame, "whole"), rel=0.05
        )


def test_int8_pays_on_a_processor_with_dot_products(counts):
    assert counts["pi5"].engine() < 0.5 * counts["pi4"].engine()
