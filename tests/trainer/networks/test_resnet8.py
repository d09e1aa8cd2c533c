from collections import Counter

import pytest
from edgecls.trainer.backend import keras
from edgecls.trainer.networks import Design, build

layers = keras.layers


@pytest.fixture(scope="module")
def network():
    return build(Design("resnet8"), 32, 32, 10)


def test_it_has_the_parameters_of_mlperf_tiny(network):
    assert network.count_params() == 78_666


def test_it_has_the_layers_of_mlperf_tiny(network):
    kinds = Counter(type(layer) for layer in network.layers)
    assert kinds[layers.Conv2D] == 9
    assert kinds[layers.BatchNormalization] == kinds[layers.ReLU] == 7
    assert kinds[layers.Add] == 3
    pooling = network.get_layer("mean")
    assert isinstance(pooling, layers.AveragePooling2D)
    assert pooling.pool_size == (8, 8)
    assert all(layer.use_bias for layer in network.layers if isinstance(layer, layers.Conv2D))


def test_its_shortcuts_have_no_batch_normalisation(network):
    for name in ("stack2", "stack3"):
        shortcut = network.get_layer(f"{name}_shortcut")
        assert (shortcut.kernel_size, shortcut.strides) == ((1, 1), (2, 2))
        assert network.get_layer(f"{name}_add").input[0] is shortcut.output


def test_an_oblong_image_is_pooled_as_a_whole():
    network = build(Design("resnet8"), 48, 32, 2)
    assert network.get_layer("mean").output.shape == (None, 1, 1, 64)
