import numpy as np
import pytest
from edgecls.edge_runtime.card import ModelCard
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.image import ImageRule
from edgecls.edge_runtime.tensors import TensorSpec, picture_input, score_output

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


@pytest.mark.parametrize("shape", [(4, 6, 3), (2, 4, 6, 3), (1, 4, 6, 1), (1, 0, 6, 3)])
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
    from dataclasses import replace

    form = score_output(TensorSpec(np.float32, (1, 2)), replace(CARD, scores="logits"), "m")
    np.testing.assert_allclose(form.probabilities(np.array([[1000.0, 1000.0]], np.float32)), [0.5, 0.5])


@pytest.mark.parametrize("shape", [(), (1,), (1, 7, 7, 10), (2, 10)])
def test_what_is_not_one_row_of_scores_is_refused(shape):
    with pytest.raises(BadModel, match="not one row of scores"):
        score_output(TensorSpec(np.float32, shape), CARD, "m")
