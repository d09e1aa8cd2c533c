from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgecls.data.backend import tf
from edgecls.edge_runtime.errors import UsageError
from edgecls.export import tflite
from edgecls.export.calibration import Calibration, choose_calibration
from edgecls.export.contract import with_fixed_batch
from edgecls.export.keras_file import load_network
from edgecls.export.tflite import dynamic_tflite, float16_tflite, float_tflite
from edgecls.export.tflite_graph import operators
from edgecls.export.tflite_int8 import Int8Tflite, int8_tflite
from tests.export.networks import (
    CARD,
    IMAGES,
    answers,
    dense_only,
    inverted_residual,
    keras_answers,
    of_many_layers,
    residual,
)

FLOAT_KINDS = [float_tflite, float16_tflite, dynamic_tflite]


@pytest.fixture(scope="module")
def network(tiny):
    return load_network(tiny.h5)[0]


@pytest.fixture(scope="module")
def card(tiny):
    return load_network(tiny.h5)[1].card


@pytest.fixture(scope="module")
def calibration(tiny):
    return choose_calibration(tiny.dataset.train.images, tiny.dataset.train.truth, seed=0, count=128)


@pytest.fixture(scope="module")
def calibrated(network, card, calibration):
    return Int8Tflite(network, card, calibration)


@pytest.fixture(scope="module")
def int8(network, card, calibration):
    return int8_tflite(network, card, calibration)


@pytest.fixture(scope="module")
def floats(network, card):
    """The network in each kind that computes in floats, by what makes it."""
    return {make: make(network, card) for make in FLOAT_KINDS}


def ends(content):
    interpreter = Interpreter(model_content=content)
    return interpreter.get_input_details()[0], interpreter.get_output_details()[0]


def scale_of_input(content):
    return ends(content)[0]["quantization"][0]


def kinds(content):
    return [operator.kind for operator in operators(content)]


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_a_network_of_many_layers_is_converted_directly_with_the_same_names(monkeypatch, kind):
    network, calibration = inverted_residual(), Calibration(IMAGES[:4])

    def made() -> bytes:
        return float_tflite(network, CARD) if kind == "float" else int8_tflite(network, CARD, calibration)

    by_saved_model = made()
    monkeypatch.setattr(tflite, "_MANY_LAYERS", 1)
    directly = made()
    np.testing.assert_array_equal(answers(directly, IMAGES), answers(by_saved_model, IMAGES))
    signatures = [Interpreter(model_content=file).get_signature_list() for file in (directly, by_saved_model)]
    assert (
        signatures[0] == signatures[1] == {"serving_default": {"inputs": ["image"], "outputs": ["output_0"]}}
    )
    tensors = [{end["name"] for end in ends(file)} for file in (directly, by_saved_model)]
    assert tensors[0] == tensors[1]


def test_every_kind_takes_one_picture_of_bytes_and_gives_float_probabilities(floats, int8):
    for content in (*floats.values(), int8):
        entry, out = ends(content)
        assert (entry["dtype"], entry["shape"].tolist()) == (np.uint8, [1, 32, 32, 3])
        assert (out["dtype"], out["shape"].tolist()) == (np.float32, [1, 10])


@pytest.mark.parametrize(
    ("make", "largest", "share"), [(float16_tflite, 2e-3, 0.52), (dynamic_tflite, 0.05, 0.28)]
)
def test_smaller_kinds_answer_nearly_as_keras_does(tiny, network, card, floats, make, largest, share):
    images = tiny.dataset.test.images[:50]
    content = floats[make]
    assert np.abs(answers(content, images) - keras_answers(network, card, images)).max() < largest
    assert len(content) < share * len(floats[float_tflite])


def test_the_int8_file_takes_bytes_unchanged(int8):
    scale, zero_point = ends(int8)[0]["quantization"]
    assert scale == pytest.approx(1 / 255, rel=1e-6)
    assert zero_point == 0
    assert kinds(int8)[0] == "QUANTIZE"  # uint8 to int8, by subtracting 128


def test_int8_probabilities_are_finer_than_one_byte(tiny, int8):
    assert kinds(int8)[-2:] == ["DEQUANTIZE", "SOFTMAX"]
    assert len(np.unique(answers(int8, tiny.dataset.test.images[:200]).max(1))) > 150


def test_int8_answers_as_tensorflows_own_conversion_does(tiny, network, card, calibration, int8):
    converter = tf.lite.TFLiteConverter.from_keras_model(with_fixed_batch(network, card))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.representative_dataset = lambda: (
        [image[np.newaxis].astype(np.float32) / 255] for image in calibration.images
    )
    images = tiny.dataset.test.images[:100]
    theirs, ours = (answers(content, images) for content in (converter.convert(), int8))
    assert np.abs(ours - theirs).max() <= 1 / 256  # their softmax is rounded to one byte


def test_io_int8_takes_rgb_minus_128_and_gives_probabilities_in_256ths(
    tiny, network, card, calibration, int8
):
    images = tiny.dataset.test.images[:50]
    content = int8_tflite(network, card, calibration, io="int8")
    entry, out = ends(content)
    assert entry["quantization"] == (pytest.approx(1 / 255, rel=1e-6), -128)
    assert out["quantization"] == (1 / 256, -128)
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(kinds(content))  # for microcontrollers: integers throughout
    given = answers(content, (images.astype(np.int16) - 128).astype(np.int8))
    assert given.dtype == np.int8
    as_bytes = answers(int8, images)
    assert np.abs((given.astype(np.float32) + 128) / 256 - as_bytes).max() <= 1 / 256


def test_the_input_keeps_its_scale_whatever_the_calibration_images_hold(tiny, network, card, calibration):
    dull = int8_tflite(network, card, Calibration(np.clip(calibration.images, 40, 200)))
    images = tiny.dataset.test.images[:50]
    assert np.abs(answers(dull, images) - keras_answers(network, card, images)).max() < 0.2
    assert scale_of_input(dull) == pytest.approx(1 / 255, rel=1e-6)


@pytest.mark.parametrize("index", [0, 1, 3, 4])
def test_a_layer_left_in_float_is_computed_in_float(calibrated, index):
    floats = [kinds(calibrated.quantise(float_layers=layers)) for layers in ([], [calibrated.layers[index]])]
    one_more = floats[1].count("QUANTIZE") + floats[1].count("DEQUANTIZE") - 2
    assert one_more == {0: 1, 4: 0}.get(index, 2)  # where integers and floats meet


def test_io_int8_gives_256ths_even_where_the_last_layer_stays_in_float(network, card, calibration):
    calibrated = Int8Tflite(network, card, calibration, "int8")
    content = calibrated.quantise(float_layers=[calibrated.layers[-1]])
    assert ends(content)[1]["quantization"] == (1 / 256, -128)


@pytest.mark.parametrize(("scale", "offset"), [(2 / 255, -1.0), (1.0, 0.0)])
def test_networks_trained_on_other_scales_take_the_same_bytes(scale, offset):
    network, card = residual(), replace(CARD, scale=scale, offset=offset)
    reference = keras_answers(network, card, IMAGES)
    assert np.abs(answers(float_tflite(network, card), IMAGES) - reference).max() < 1e-4
    int8 = int8_tflite(network, card, Calibration(IMAGES))
    assert np.abs(answers(int8, IMAGES) - reference).mean() < 0.05
    assert scale_of_input(int8) == pytest.approx(scale, rel=1e-6)


@pytest.mark.parametrize("make", FLOAT_KINDS)
def test_io_float32_takes_what_the_network_was_trained_on(tiny, network, card, floats, make):
    images = tiny.dataset.test.images[:20]
    scaled = images.astype(np.float32) * np.float32(card.scale)
    given = answers(make(network, card, "float32"), scaled)
    assert np.abs(given - answers(floats[make], images)).max() < 0.02


def test_io_float32_is_offered_for_int8_too(tiny, network, card, calibration, int8):
    images = tiny.dataset.test.images[:20]
    content = int8_tflite(network, card, calibration, "float32")
    given = answers(content, images.astype(np.float32) / 255)
    assert (given == answers(int8, images)).all()


@pytest.mark.parametrize("make", FLOAT_KINDS)
def test_io_int8_is_refused_for_files_that_compute_in_floats(network, card, make):
    with pytest.raises(UsageError, match="--io int8: only an int8 file"):
        make(network, card, "int8")


@cache
def network_of(build):
    return build()


@cache
def int8_of(build):
    return int8_tflite(network_of(build), CARD, Calibration(IMAGES))


@pytest.mark.parametrize("build", [residual, inverted_residual, of_many_layers, dense_only])
def test_other_networks_convert_and_answer_as_keras_does(build):
    network = network_of(build)
    reference = keras_answers(network, CARD, IMAGES)
    assert reference.max(0).min() > 0.25  # they are not all alike
    assert np.abs(answers(float_tflite(network, CARD), IMAGES) - reference).max() < 1e-4
    assert np.abs(answers(int8_of(build), IMAGES) - reference).mean() < 0.1


@pytest.mark.parametrize("build", [residual, inverted_residual])
def test_int8_has_no_floats_between_its_integers(build):
    found = kinds(int8_of(build))
    assert found[0] == "QUANTIZE"
    assert found[-2:] == ["DEQUANTIZE", "SOFTMAX"]
    assert not {"QUANTIZE", "DEQUANTIZE", "MUL"} & set(found[1:-2])  # batch normalisation is folded
