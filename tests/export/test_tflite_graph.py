import numpy as np
import pytest
from edgecls.export.contract import scaled, with_fixed_batch
from edgecls.export.keras_libraries import tf
from edgecls.export.ranges import min_max_ranges
from edgecls.export.tflite_convert import to_tflite
from edgecls.export.tflite_graph import (
    activations,
    calibrated_ranges,
    input_name,
    operators,
    with_ranges,
)

from .networks import CARD, IMAGES, residual


def inputs():
    return (scaled(image, CARD) for image in IMAGES)


@pytest.fixture(scope="module")
def calibrated():
    def options(converter):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([pixels] for pixels in inputs())
        converter._experimental_calibrate_only = True

    return to_tflite(with_fixed_batch(residual(), CARD), options)


def test_activations_are_those_that_tensorflow_calibrated_on(calibrated):
    ranges = calibrated_ranges(calibrated)
    assert len(ranges) > 8
    for name, (low, high) in min_max_ranges(activations(calibrated, inputs())).items():
        assert (low, high) == pytest.approx((min(0, ranges[name][0]), max(0, ranges[name][1])), abs=1e-4)


def test_other_ranges_change_nothing_else(calibrated):
    changed = with_ranges(calibrated, {input_name(calibrated): (-2.0, 3.0)})
    assert calibrated_ranges(changed) == calibrated_ranges(calibrated) | {input_name(calibrated): (-2.0, 3.0)}
    assert np.count_nonzero(np.frombuffer(changed, np.uint8) != np.frombuffer(calibrated, np.uint8)) <= 8


def test_operators_with_weights_are_told_apart_and_named_by_their_layers(calibrated):
    found = operators(calibrated)
    assert [one.kind for one in found if one.weighted] == ["CONV_2D"] * 6 + ["FULLY_CONNECTED"]
    assert [one.kind for one in found if not one.weighted] == ["ADD", "ADD", "MEAN", "SOFTMAX"]
    assert any(name.startswith("conv2d") for name in found[0].names)
