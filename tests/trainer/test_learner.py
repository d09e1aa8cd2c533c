import numpy as np
import pytest
from edgecls.trainer.fused import FusedBatchNormalization
from edgecls.trainer.learner import learner, optimised, weights
from edgecls.trainer.networks import Design, build
from edgecls.trainer.recipe import Recipe


@pytest.mark.parametrize("arch", ["cnn", "resnet8", "nano"])
def test_a_network_has_a_copy_that_computes_in_bfloat16_and_answers_in_float32(arch):
    network = build(Design(arch), 32, 32, 3)
    copy = optimised(network, "bfloat16")
    assert copy.layers[1].compute_dtype == "bfloat16"
    assert copy.layers[-1].compute_dtype == "float32"
    assert {variable.dtype for variable in copy.trainable_variables} == {"float32"}
    images = np.random.default_rng(0).random((4, 32, 32, 3), np.float32)
    given = [np.asarray(net(images, training=False), np.float32) for net in (network, copy)]
    assert given[0] == pytest.approx(given[1], abs=0.05)


def test_float32_without_batch_normalisation_needs_no_copy():
    network = build(Design(), 18, 18, 2)
    assert optimised(network, "float32") is network


def test_it_takes_uint8_and_gives_back_the_network_s_weights():
    network = build(Design("nano"), 16, 16, 2)
    learning = learner(network, Recipe(arch="nano", precision="bfloat16"), steps=4)
    assert learning.inputs[0].dtype == "uint8"
    assert all(map(np.array_equal, weights(learning), network.get_weights()))


def test_a_float32_copy_has_the_same_weights_and_answers():
    network = build(Design("nano"), 32, 32, 3)
    copy = optimised(network, "float32")
    assert (
        sum(isinstance(layer, FusedBatchNormalization) for layer in copy.layers) == 5
    )  # all but the 24 wide
    assert all(map(np.array_equal, copy.get_weights(), network.get_weights()))
    images = np.random.default_rng(0).random((4, 32, 32, 3), np.float32)
    given = [np.asarray(net(images, training=False)) for net in (network, copy)]
    assert given[0] == pytest.approx(given[1], abs=1e-5)
