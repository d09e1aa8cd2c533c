"""Both formats give what Keras gives, whichever layer a network has."""

import numpy as np
import pytest

from edgecls.data.keras_files.network import load_network
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
_INT8_APART = 0.02
"""Of probabilities that differ by 0.2 to 1 from picture to picture; one step of the file is 0.004."""
_STEEP = {"activation hard_shrink": 0.04, "activation sparse_plus": 0.06}
"""Where a step more or less at a kink of the function is more of its result."""


@pytest.mark.slow
@pytest.mark.parametrize("middle", [name for name in MIDDLES if name not in (*HALVES, "activation celu")])
def test_a_layer_is_exported_to_both_formats_in_float_and_int8(middle):
    model = network(middle)
    expected = keras_answers(model, CARD, IMAGES)
    for format_ in (ModelFormat.TFLITE, ModelFormat.ONNX):
        original = converted(model, CARD, format_)
        content = Target(format_).convert(original, CARD, None)
        np.testing.assert_allclose(answers(content, IMAGES), expected, atol=1e-4)
        int8 = answers(Target(format_, "int8").convert(original, CARD, Calibration(IMAGES)), IMAGES)
        np.testing.assert_allclose(int8, expected, atol=_STEEP.get(middle, _INT8_APART))


def test_a_celu_of_a_file_is_right_in_int8(tmp_path):
    model, path = network("activation celu"), tmp_path / "theirs.keras"
    model.save(path)
    loaded = load_network(path.read_bytes(), "theirs.keras")
    int8 = Target(ModelFormat.TFLITE, "int8").convert(loaded, CARD, Calibration(IMAGES))
    np.testing.assert_allclose(answers(int8, IMAGES), keras_answers(model, CARD, IMAGES), atol=_INT8_APART)
