import numpy as np
import pytest
from edgecls.trainer.learner import in_precision, learner, weights
from edgecls.trainer.networks import Design, build
from edgecls.trainer.recipe import Recipe


@pytest.mark.parametrize("arch", ["cnn", "resnet8", "nano"])
def test_a_network_has_a_copy_that_computes_in_bfloat16_and_answers_in_float32(arch):
    network = build(Design(arch), 32, 32, 3)
    copy = in_precision(network, "bfloat16")
    assert copy.layers[1].compute_dtype == "bfloat16"
    assert copy.layers[-1].compute_dtype == "float32"
    assert {variable.dtype for variable in copy.trainable_variables} == {"float32"}
    images = np.random.default_rng(0).random((4, 32, 32, 3), np.float32)
    given = [np.asarray(net(images, training=False), np.float32) for net in (network, copy)]
    assert given[0] == pytest.approx(given[1], abs=0.05)


def test_float32_needs_no_copy():
    network = build(Design(), 18, 18, 2)
    assert in_precision(network, "float32") is network


def test_it_takes_uint8_and_gives_back_the_network_s_weights():
    network = build(Design("nano"), 16, 16, 2)
    learning = learner(network, Recipe(arch="nano", precision="bfloat16"), steps=4)
    assert learning.inputs[0].dtype == "uint8"
    assert all(map(np.array_equal, weights(learning), network.get_weights()))
