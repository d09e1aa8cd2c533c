from dataclasses import replace

import numpy as np
import pytest

from edgecls.edge_runtime.engines.tensors import TensorSpec, byte_table, picture_input, score_output
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard

CARD = ModelCard(labels=("a", "b"), image=ImageRule(4, 6))
IMAGE = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)


def test_under_the_contract_a_picture_goes_in_without_a_copy():
    form = picture_input(TensorSpec(np.uint8, (1, 4, 6, 3)), CARD, "m")
    assert form.size_px == (4, 6)
    assert np.shares_memory(form.tensor(IMAGE), IMAGE)


def test_channels_first_networks_get_their_layout():
    form = picture_input(TensorSpec(np.float32, (1, 3, 4, 6)), CARD, "m")
    tensor = form.tensor(IMAGE)
    assert form.size_px == (4, 6)
    assert tensor.shape == (1, 3, 4, 6)
    assert tensor.flags.c_contiguous
    np.testing.assert_allclose(tensor[0, 1], IMAGE[:, :, 1] / 255, rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 6, 3), (2, 4, 6, 3), (1, 4, 6, 4), (1, 0, 0, 0), (0, 4, 6, 3)])
def test_what_is_not_one_picture_is_refused_with_its_shape(shape):
    with pytest.raises(BadModel, match=r"m: takes uint8 \["):
        picture_input(TensorSpec(np.uint8, shape), CARD, "m")


def test_float_probabilities_come_out_as_they_are():
    row = np.array([[0.25, 0.75]], np.float32)
    np.testing.assert_array_equal(
        score_output(TensorSpec(np.float32, (1, 2)), CARD, "m").probabilities(row), row[0]
    )


@pytest.mark.parametrize(
    ("spec", "raw"),
    [
        (TensorSpec(np.int8, (1, 2), 1 / 256, -128), [-64, 64]),
        (TensorSpec(np.uint8, (1, 2), 1 / 256, 0), [64, 192]),
        (TensorSpec(np.int8, (1, 2)), [-64, 64]),  # ONNX integers carry no scale
        (TensorSpec(np.uint8, (1, 2)), [64, 192]),
    ],
)
def test_integer_scores_are_probabilities_again(spec, raw):
    scores = score_output(spec, CARD, "m").probabilities(np.array([raw], spec.dtype))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [0.25, 0.75], atol=1e-6)


def test_logits_are_normalised():
    form = score_output(TensorSpec(np.float32, (1, 2)), replace(CARD, scores="logits"), "m")
    np.testing.assert_allclose(form.probabilities(np.array([[1000.0, 1000.0]], np.float32)), [0.5, 0.5])


@pytest.mark.parametrize("shape", [(), (1,), (1, 7, 7, 10), (2, 10)])
def test_what_is_not_one_row_of_scores_is_refused(shape):
    with pytest.raises(BadModel, match="not one row of scores"):
        score_output(TensorSpec(np.float32, shape), CARD, "m")


def test_one_number_is_the_probability_of_the_second_label():
    spec = TensorSpec(np.float32, (1, 1))
    form = score_output(spec, replace(CARD, scores="binary"), "m")
    np.testing.assert_allclose(form.probabilities(np.array([[0.25]], np.float32)), [0.75, 0.25])
    form = score_output(spec, replace(CARD, scores="binary-logits"), "m")
    for logit, expected in ((0.0, [0.5, 0.5]), (2.0, [0.1192029, 0.8807971]), (-1e4, [1, 0]), (1e4, [0, 1])):
        answer = form.probabilities(np.array([[logit]], np.float32))
        assert answer.dtype == np.float32
        np.testing.assert_allclose(answer, expected, atol=1e-6)
    quantised = TensorSpec(np.int8, (1, 1), 1 / 256, -128)
    form = score_output(quantised, replace(CARD, scores="binary"), "m")
    np.testing.assert_allclose(form.probabilities(np.array([[64]], np.int8)), [0.25, 0.75])


def test_one_number_and_a_row_are_not_taken_for_each_other():
    with pytest.raises(BadModel, match="one score for two labels, the network gives 2"):
        score_output(TensorSpec(np.float32, (1, 2)), replace(CARD, scores="binary"), "m")
    with pytest.raises(BadModel, match="not one row of scores"):
        score_output(TensorSpec(np.float32, (1, 1)), CARD, "m")


def test_independent_scores_stay_as_they_are():
    form = score_output(TensorSpec(np.float32, (1, 2)), replace(CARD, scores="independent"), "m")
    row = np.array([[0.9, 0.8]], np.float32)
    np.testing.assert_array_equal(form.probabilities(row), row[0])


def test_bytes_go_in_unchanged_where_the_inputs_own_scale_is_the_networks():
    assert byte_table(np.uint8, 1 / 255, 0, 1 / 255, 0) is None


def test_a_scale_that_is_off_by_rounding_still_takes_bytes_unchanged():
    assert byte_table(np.uint8, 1 / 255, 0, 0.003921568859368563, 0) is None


def test_bytes_go_in_unchanged_where_the_scaling_is_inside_the_graph():
    assert byte_table(np.uint8, 1 / 255, 0) is None


@pytest.mark.parametrize(("scale", "offset"), [(1 / 255, 0), (2 / 255, -1), (1, 0)])
def test_float_inputs_get_the_scaling_that_they_were_trained_with(scale, offset):
    table = byte_table(np.float32, scale, offset)
    assert table.dtype == np.float32
    np.testing.assert_allclose(
        table[[0, 128, 255]], [offset, 128 * scale + offset, 255 * scale + offset], rtol=1e-6
    )


def test_an_int8_input_takes_bytes_less_128():
    np.testing.assert_array_equal(byte_table(np.int8, 1 / 255, 0, 1 / 255, -128), np.arange(256) - 128)
    symmetric = byte_table(np.int8, 2 / 255, -1, 2 / 255, 0).astype(float)
    np.testing.assert_allclose(symmetric, np.arange(256) - 127.5, atol=0.51)  # between two steps


def test_a_narrow_range_saturates_and_does_not_wrap():
    table = byte_table(np.uint8, 1 / 255, 0, 0.5 / 255, 0)
    assert table[200] == table[255] == 255
    assert table[100] == 200


# What networks made elsewhere take

NORMALISED = replace(CARD, scale=(0.01, 0.02, 0.03), offset=(-1.0, -2.0, 0.5))


@pytest.mark.parametrize("shape", [(1, 4, 6, 3), (1, 3, 4, 6)])
def test_each_channel_has_a_scaling_of_its_own(shape):
    tensor = picture_input(TensorSpec(np.float32, shape), NORMALISED, "m").tensor(IMAGE)
    expected = IMAGE * np.array(NORMALISED.scale) + np.array(NORMALISED.offset)
    assert tensor.shape == shape
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(
        tensor[0] if shape[3] == 3 else tensor[0].transpose(1, 2, 0), expected, rtol=1e-5, atol=1e-6
    )


def test_each_channel_is_quantised_by_the_inputs_own_scale():
    spec = TensorSpec(np.uint8, (1, 4, 6, 3), 0.02, 100)
    tensor = picture_input(spec, NORMALISED, "m").tensor(IMAGE)
    real = (tensor[0].astype(float) - 100) * 0.02
    np.testing.assert_allclose(
        real, IMAGE * np.array(NORMALISED.scale) + np.array(NORMALISED.offset), atol=0.0101
    )


@pytest.mark.parametrize(("shape", "first"), [((1, 4, 6, 1), False), ((1, 1, 4, 6), True)])
def test_a_grey_picture_has_one_channel(shape, first):
    grey = IMAGE[..., :1]
    spec = TensorSpec(np.float32, shape)
    assert (spec.channels, spec.channels_first) == (1, first)
    form = picture_input(spec, CARD, "m")
    assert form.size_px == (4, 6)
    np.testing.assert_allclose(form.tensor(grey), grey.reshape(shape) / 255, rtol=1e-6)
