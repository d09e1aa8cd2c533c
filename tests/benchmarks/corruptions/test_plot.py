import numpy as np
import pytest

from edgecls.benchmarks.corruptions.plot import accuracies_png, examples_png
from edgecls.edge_runtime.images.opencv import cv2

pytest.importorskip("matplotlib")


def test_the_plot_is_a_png_of_what_was_scored(report):
    assert accuracies_png(report).startswith(b"\x89PNG")


def test_the_examples_show_the_very_pixels(colours):
    pixels = cv2.imdecode(np.frombuffer(examples_png(colours), np.uint8), cv2.IMREAD_COLOR_RGB)
    enlarged = next(image for image in colours.images if image[0, 0].tolist() == pixels[-128, 0].tolist())
    enlarged = enlarged.repeat(16, axis=0).repeat(16, axis=1)
    assert np.array_equal(pixels[-128:, :128], enlarged)  # the last row, as it is
