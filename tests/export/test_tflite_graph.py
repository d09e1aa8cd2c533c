import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgecls.data.backend import keras, tf
from edgecls.export.calibration import min_max_ranges
from edgecls.export.contract import scaled, with_fixed_batch
from edgecls.export.tflite import to_tflite
from edgecls.export.tflite_graph import (
    activations,
    calibrated_ranges,
    input_name,
    operators,
    with_ranges,
    with_short_names,
)
from tests.export.networks import CARD, IMAGES, residual


@pytest.fixture(scope="module")
def network():
    return residual()


def inputs():
    return (scaled(image, CARD) for image in IMAGES)


@pytest.fixture(scope="module")
def calibrated(network):
    def options(converter):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([pixels] for pixels in inputs())
        converter._experimental_calibrate_only = True

    return to_tflite(with_fixed_batch(network, CARD), options)


def test_activations_are_those_that_keras_computes(calibrated, network):
    pixels = np.concatenate(list(inputs()))
    before_shortcut = network.get_layer("batch_normalization_2").output
    wanted = keras.Model(network.input, before_shortcut)(pixels, training=False).numpy()
    ranges = min_max_ranges(activations(calibrated, inputs()))
    (found,) = (
        range_ for name, range_ in ranges.items() if name.split(";")[0].endswith("_2._1/batchnorm/add_1")
    )
    assert found == pytest.approx((wanted.min(), wanted.max()), abs=1e-4)
    assert calibrated_ranges(calibrated).keys() == ranges.keys()


def test_other_ranges_change_nothing_else(calibrated):
    changed = with_ranges(calibrated, {input_name(calibrated): (-2.0, 3.0)})
    assert calibrated_ranges(changed) == calibrated_ranges(calibrated) | {input_name(calibrated): (-2.0, 3.0)}
    assert np.count_nonzero(np.frombuffer(changed, np.uint8) != np.frombuffer(calibrated, np.uint8)) <= 8


def test_operators_with_weights_are_told_apart_and_named_by_their_layers(calibrated):
    found = operators(calibrated)
    assert [one.kind for one in found if one.weighted] == ["CONV_2D"] * 6 + ["FULLY_CONNECTED"]
    assert [one.kind for one in found if not one.weighted] == ["ADD", "ADD", "MEAN", "SOFTMAX"]
    assert any(name.startswith("conv2d") for name in found[0].names)


def test_short_names_change_no_answer(network):
    before = to_tflite(with_fixed_batch(network, CARD), lambda _: None)
    after = with_short_names(before)
    assert len(after) < len(before)
    assert input_name(after) == input_name(before)
    assert [one.kind for one in operators(after)] == [one.kind for one in operators(before)]
    assert not any(";" in one.node or "edgecls" in one.node for one in operators(after)[:-1])
    answers = [answers_of(content) for content in (before, after)]
    assert np.array_equal(*answers)


def answers_of(content: bytes) -> np.ndarray:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (entry,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for pixels in inputs():
        interpreter.set_tensor(entry["index"], pixels)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(out["index"]))
    return np.concatenate(answers)
