from dataclasses import replace
from functools import cache

import numpy as np
import onnx
import onnxruntime
import pytest

from edgecls.data.backend import keras
from edgecls.edge_runtime.errors import BadModel, UsageError
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.export.calibration import Calibration, choose_calibration, min_max_ranges
from edgecls.export.contract import scaled
from edgecls.export.keras_file import load_network
from edgecls.export.onnx import dynamic_onnx, float16_onnx, float_onnx, to_onnx
from edgecls.export.onnx_graph import activations, extremes
from edgecls.export.onnx_int8 import Int8Onnx, int8_onnx
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

FLOAT_KINDS = [float_onnx, float16_onnx, dynamic_onnx]


@pytest.fixture(scope="module")
def network(tiny):
    return load_network(tiny.h5)[0]


@pytest.fixture(scope="module")
def card(tiny):
    return load_network(tiny.h5)[1].card


@pytest.fixture(scope="module")
def converted(network, card):
    return to_onnx(network, card)


@pytest.fixture(scope="module")
def calibration(tiny):
    return choose_calibration(tiny.dataset.train.images, tiny.dataset.train.truth, seed=0, count=128)


@pytest.fixture(scope="module")
def int8(converted, card, calibration):
    return int8_onnx(converted, card, calibration)


@pytest.fixture(scope="module", params=[*FLOAT_KINDS, int8_onnx])
def model(request, network, converted, card, calibration):
    """The network in each kind."""
    more = [calibration] if request.param is int8_onnx else []
    return onnx.load_from_string(request.param(converted, card, *more))


def constants(graph):
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}


def input_parameters(content):
    """The scale and the zero point of what takes the input."""
    graph = onnx.load_from_string(content).graph
    values = constants(graph)
    first = next(
        node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] not in values
    )
    return values[first.input[1]], values[first.input[2]]


def scale_of_input(content):
    return float(input_parameters(content)[0])


def kinds_when_loaded(content, folder):
    """The operators that onnxruntime makes of a file, in order."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(folder / "loaded.onnx")
    onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(folder / "loaded.onnx").graph.node]


def test_any_raspberry_pi_image_can_read_it(model):
    assert model.ir_version <= 8
    assert {entry.domain: entry.version for entry in model.opset_import}[""] <= 15
    onnx.checker.check_model(model, full_check=True)


def test_nothing_is_left_over(model):
    assert {entry.domain for entry in model.opset_import} == {node.domain for node in model.graph.node}
    assert set(constants(model.graph)) <= {name for node in model.graph.node for name in node.input}
    assert not model.metadata_props
    kinds = {node.op_type for node in model.graph.node}
    assert not kinds & {"Shape", "Gather", "Unsqueeze", "Concat", "Slice", "Identity", "Constant"}


def test_it_takes_one_picture_of_bytes_and_gives_float_probabilities(model):
    (entry,), (out,) = model.graph.input, model.graph.output
    assert (entry.name, out.name) == ("image", "probabilities")
    assert entry.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [size.dim_value for size in entry.type.tensor_type.shape.dim] == [1, 32, 32, 3]
    assert out.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert [size.dim_value for size in out.type.tensor_type.shape.dim] == [1, 10]


def test_nodes_are_called_as_keras_calls_the_layers(network, converted, card):
    names = [node.name for node in onnx.load_from_string(float_onnx(converted, card)).graph.node]
    layers = [layer.name for layer in network.layers if layer.weights]
    convolutions = [name for name in names if name.endswith(("/Conv", "/Gemm"))]
    assert [name.split("/")[0] for name in convolutions] == layers


def test_the_int8_file_calls_layers_by_their_names_and_nothing_else_by_a_long_one(network, int8):
    graph = onnx.load_from_string(int8).graph
    rounding = [node for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert rounding
    assert not any(node.name for node in rounding)
    assert all(len(name) <= 3 for node in rounding for name in node.input[1:])
    named = {node.name.split("/")[0] for node in graph.node}
    assert {layer.name for layer in network.layers if layer.weights} <= named


def test_int8_weights_have_a_scale_for_each_channel_and_the_softmax_stays_float(int8):
    graph = onnx.load_from_string(int8).graph
    values = constants(graph)
    made_by = {output: node for node in graph.node for output in node.output}
    (softmax,) = (node for node in graph.node if node.op_type == "Softmax")
    assert softmax.output[0] == "probabilities"
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert convolutions
    for node in convolutions:
        weights = made_by[node.input[1]]
        assert weights.op_type == "DequantizeLinear"
        assert values[weights.input[0]].dtype == np.int8
        assert len(values[weights.input[1]]) == values[weights.input[0]].shape[0]


def test_the_int8_file_takes_bytes_without_arithmetic(int8):
    scale, zero_point = input_parameters(int8)
    assert scale == pytest.approx(1 / 255, rel=1e-6)
    assert (zero_point, zero_point.dtype) == (0, np.uint8)
    kinds = {node.op_type for node in onnx.load_from_string(int8).graph.node}
    assert not {"Cast", "Mul", "Add"} & kinds


@pytest.mark.parametrize(
    ("make", "largest", "share"), [(float16_onnx, 5e-3, 0.52), (dynamic_onnx, 0.05, 0.65)]
)
def test_smaller_kinds_answer_nearly_as_keras_does(tiny, network, converted, card, make, largest, share):
    images = tiny.dataset.test.images[:50]
    content = make(converted, card)
    assert np.abs(answers(content, images) - keras_answers(network, card, images)).max() < largest
    assert len(content) < share * len(float_onnx(converted, card))


def test_only_the_scaling_and_the_softmax_of_a_float16_file_are_float32(converted, card):
    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(float16_onnx(converted, card))).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.value_info, *graph.output)}
    floats = [node.op_type for node in graph.node if types[node.output[0]] == onnx.TensorProto.FLOAT]
    assert floats == ["Cast", "Mul", "Transpose", "Cast", "Softmax"]
    assert [node.op_type for node in graph.node].count("Cast") == 3  # of bytes, to halves and back


def test_dynamic_leaves_the_convolutions_in_float(converted, card):
    kinds = [node.op_type for node in onnx.load_from_string(dynamic_onnx(converted, card)).graph.node]
    assert (kinds.count("Conv"), kinds.count("MatMulInteger"), kinds.count("ConvInteger")) == (3, 2, 0)


def test_io_int8_takes_rgb_minus_128_and_gives_probabilities_in_256ths(
    tiny, converted, card, calibration, int8
):
    images = tiny.dataset.test.images[:50]
    content = int8_onnx(converted, card, calibration, io="int8")
    given = answers(content, (images.astype(np.int16) - 128).astype(np.int8))
    assert given.dtype == np.int8
    assert np.abs((given.astype(np.float32) + 128) / 256 - answers(int8, images)).max() < 0.02
    zero_point = input_parameters(content)[1]
    assert (zero_point, zero_point.dtype) == (-128, np.int8)


def test_the_input_keeps_its_scale_whatever_the_calibration_images_hold(
    tiny, network, converted, card, calibration
):
    dull = int8_onnx(converted, card, Calibration(np.clip(calibration.images, 40, 200)))
    images = tiny.dataset.test.images[:50]
    assert np.abs(answers(dull, images) - keras_answers(network, card, images)).max() < 0.2
    assert scale_of_input(dull) == pytest.approx(1 / 255, rel=1e-6)


def test_a_bias_has_the_scale_of_what_it_is_added_to(converted, card, calibration):
    dull = int8_onnx(converted, card, Calibration(np.clip(calibration.images, 40, 200)))
    graph = onnx.load_from_string(dull).graph
    values = constants(graph)
    made_by = {output: node for node in graph.node for output in node.output}
    first = next(node for node in graph.node if node.op_type == "Conv")
    pixels, weights, bias = (values[made_by[name].input[1]] for name in first.input)
    np.testing.assert_allclose(bias, pixels * weights, rtol=1e-5)


@pytest.mark.parametrize("index", [0, 1, 3, 4])
def test_a_layer_left_in_float_is_computed_in_float(converted, card, calibration, index, tmp_path):
    """onnxruntime would round the weights of a layer between integers by itself, with one scale for all."""
    calibrated = Int8Onnx(converted, card, calibration)
    content = calibrated.quantise(float_layers=[calibrated.layers[index]])
    kinds = kinds_when_loaded(content, tmp_path)
    assert len([kind for kind in kinds if kind in ("Conv", "FusedConv", "Gemm", "FusedGemm")]) == 1
    assert len([kind for kind in kinds if kind in ("QLinearConv", "QGemm")]) == 4


@pytest.mark.parametrize(("scale", "offset"), [(2 / 255, -1.0), (1.0, 0.0)])
def test_networks_trained_on_other_scales_take_the_same_bytes(scale, offset):
    network, card = residual(), replace(CARD, scale=scale, offset=offset)
    converted = to_onnx(network, card)
    reference = keras_answers(network, card, IMAGES)
    assert np.abs(answers(float_onnx(converted, card), IMAGES) - reference).max() < 1e-4
    int8 = int8_onnx(converted, card, Calibration(IMAGES))
    assert np.abs(answers(int8, IMAGES) - reference).mean() < 0.05
    assert scale_of_input(int8) == pytest.approx(scale, rel=1e-6)


@pytest.mark.parametrize("make", FLOAT_KINDS)
def test_io_float32_takes_what_the_network_was_trained_on(tiny, converted, card, make):
    images = tiny.dataset.test.images[:20]
    scaled = images.astype(np.float32) * np.float32(card.scale)
    given = answers(make(converted, card, "float32"), scaled)
    assert np.abs(given - answers(make(converted, card), images)).max() < 0.02


def test_io_float32_is_offered_for_int8_too(tiny, converted, card, calibration, int8):
    images = tiny.dataset.test.images[:20]
    content = int8_onnx(converted, card, calibration, "float32")
    given = answers(content, images.astype(np.float32) * np.float32(card.scale))
    assert np.abs(given - answers(int8, images)).max() < 1e-6


@pytest.mark.parametrize("make", FLOAT_KINDS)
def test_io_int8_is_refused_for_files_that_compute_in_floats(converted, card, make):
    with pytest.raises(UsageError, match="--io int8: only an int8 file"):
        make(converted, card, "int8")


@cache
def converted_of(build):
    network = build()
    return network, to_onnx(network, CARD)


@cache
def int8_of(build):
    return int8_onnx(converted_of(build)[1], CARD, Calibration(IMAGES))


@pytest.mark.parametrize("build", [residual, inverted_residual, of_many_layers, dense_only])
def test_other_networks_convert_and_answer_as_keras_does(build):
    network, converted = converted_of(build)
    reference = keras_answers(network, CARD, IMAGES)
    assert reference.max(0).min() > 0.25  # they are not all alike
    assert np.abs(answers(float_onnx(converted, CARD), IMAGES) - reference).max() < 1e-4
    assert np.abs(answers(int8_of(build), IMAGES) - reference).mean() < 0.1


@pytest.mark.parametrize("build", [residual, inverted_residual])
def test_int8_has_no_floats_between_its_integers(build, tmp_path):
    kinds = kinds_when_loaded(int8_of(build), tmp_path)
    assert kinds[0] == "QLinearConv"
    assert kinds[-2:] == ["DequantizeLinear", "Softmax"]
    assert not {"Conv", "Add", "QuantizeLinear", "DequantizeLinear"} & set(kinds[:-2])


def test_batch_normalisation_is_folded_into_the_float_file():
    content = float_onnx(converted_of(residual)[1], CARD)
    kinds = [node.op_type for node in onnx.load_from_string(content).graph.node]
    assert kinds[:2] == ["Cast", "Mul"]  # of bytes to 0..1
    assert not {"Mul", "BatchNormalization"} & set(kinds[2:])


def test_operators_that_tf2onnx_does_not_know_are_expressed_by_others():
    layers, image = keras.layers, keras.Input((8, 8, 3))
    x = layers.Normalization(mean=[0.5, 0.4, 0.3], variance=[0.1, 0.2, 0.3])(image)  # captured constants
    x = layers.Conv2D(200, 3, activation="gelu")(x)
    x = layers.Normalization(mean=[0.1] * 200, variance=[1.0] * 200)(x)  # more than TensorFlow copies
    x = layers.Activation("celu")(layers.Conv2D(8, 3, groups=4)(x))
    network = keras.Model(image, layers.Dense(4, activation="softmax")(layers.Flatten()(x)))
    card = replace(CARD, image=ImageRule(8, 8))
    images = IMAGES[:4, :8, :8]
    content = float_onnx(to_onnx(network, card), card)
    assert len(onnx.load_from_string(content).graph.input) == 1
    np.testing.assert_allclose(answers(content, images), keras_answers(network, card, images), atol=1e-5)


def test_what_tf2onnx_lacks_is_named_in_one_line(capfd):
    image = keras.Input((32, 32, 3))
    dense = keras.layers.Dense(4, activation="softmax")
    network = keras.Model(image, dense(keras.layers.Flatten()(keras.ops.erfinv(image))))
    with pytest.raises(BadModel, match=r"ONNX cannot express .*Erfinv"):
        to_onnx(network, CARD)
    assert not capfd.readouterr().err


def test_extremes_are_those_of_all_activations():
    model = converted_of(inverted_residual)[1].model
    inputs = [scaled(image, CARD) for image in IMAGES[:3]]
    assert min_max_ranges(extremes(model, inputs)) == min_max_ranges(activations(model, inputs))
