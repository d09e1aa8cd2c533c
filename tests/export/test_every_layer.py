"""Both formats give what Keras gives, whichever layer a network has."""

import numpy as np
import pytest

from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import ModelFormat
from edgecls.export.calibration import Calibration
from edgecls.export.targets import Target, converted
from tests.export.every_layer import MIDDLES, SIDE_PX, network
from tests.export.networks import answers, keras_answers

CARD = ModelCard(tuple("abcd"), ImageRule(SIDE_PX, SIDE_PX))
IMAGES = np.random.default_rng(0).integers(0, 256, (8, SIDE_PX, SIDE_PX, 3), np.uint8)
HALVES = ("mixed_float16", "mixed_bfloat16", "float16")
"""Keras files of these are read as float32; a network in memory is not."""


@pytest.mark.slow
@pytest.mark.parametrize("middle", [name for name in MIDDLES if name not in HALVES])
def test_a_layer_is_exported_to_both_formats_in_float_and_int8(middle):
    model = network(middle)
    expected = keras_answers(model, CARD, IMAGES)
    for format_ in (ModelFormat.TFLITE, ModelFormat.ONNX):
        original = converted(model, CARD, format_)
        content = Target(format_).convert(original, CARD, None)
        np.testing.assert_allclose(answers(content, IMAGES), expected, atol=1e-4)
        int8 = answers(Target(format_, "int8").convert(original, CARD, Calibration(IMAGES)), IMAGES)
        assert np.isfinite(int8).all()
