from collections import Counter

import pytest

from edgecls.data.backend import keras
from edgecls.trainer.networks import Design, build
from edgecls.trainer.networks.costs import int8_bytes, macs, network_bytes


def test_100_000_bytes_hold_its_int8_network_and_a_card_of_10_000():
    assert network_bytes(build(Design("nano"), 32, 32, 10)) <= 90_000


def test_it_multiplies_no_more_than_resnet8():
    nano, resnet8 = (build(Design(arch), 32, 32, 10) for arch in ("nano", "resnet8"))
    assert macs(nano) <= macs(resnet8)


def test_it_is_the_documented_one_layer_for_layer():
    network = build(Design(), 32, 32, 10)
    assert network.count_params() == 122_570
    assert [(layer.name, layer.output.shape[1:]) for layer in network.layers] == [
        ("conv1", (30, 30, 32)),
        ("pool1", (15, 15, 32)),
        ("conv2", (13, 13, 64)),
        ("pool2", (6, 6, 64)),
        ("conv3", (4, 4, 64)),
        ("flatten", (1024,)),
        ("dense1", (64,)),
        ("probabilities", (10,)),
    ]


def test_18_px_are_enough():
    assert build(Design(), 18, 18, 2).get_layer("conv3").output.shape == (None, 1, 1, 64)


def test_its_int8_file_has_at_most_600_000_bytes():
    assert int8_bytes(build(Design("edge"), 32, 32, 10)) <= 600_000


layers = keras.layers


@pytest.fixture(scope="module")
def network():
    return build(Design("mobilenet"), 32, 32, 10)


def test_it_has_the_blocks_of_mobilenet_v2(network):
    channels = [layer.output.shape[-1] for layer in network.layers if layer.name.endswith("_narrow_conv")]
    assert channels == [16] + [24] * 2 + [32] * 3 + [64] * 4 + [96] * 3 + [160] * 3 + [320]
    assert network.get_layer("last_relu").output.shape == (None, 4, 4, 1280)


def test_the_input_is_added_where_size_and_channels_stay(network):
    added = [layer.name for layer in network.layers if isinstance(layer, layers.Add)]
    assert len(added) == 10
    assert "stage2_2_add" in added
    assert "stage2_1_add" not in added


def test_a_block_ends_without_a_relu(network):
    narrow = network.get_layer("stage2_1_narrow_norm")
    assert [node.operation.name for node in narrow._outbound_nodes] == ["stage2_2_wide_conv", "stage2_2_add"]


@pytest.mark.parametrize("width", [0.25, 0.35, 1.4])
def test_channels_are_multiples_of_8_whatever_the_width(width, network):
    scaled = build(Design("mobilenet", width=width), 32, 32, 10)
    convolutions = [layer for layer in scaled.layers if isinstance(layer, layers.Conv2D)]
    assert all(layer.filters % 8 == 0 for layer in convolutions)
    for layer in convolutions:
        wanted = width * network.get_layer(layer.name).filters
        if "wide" not in layer.name:  # a multiple of what was rounded already
            assert layer.filters >= 0.9 * wanted
            assert abs(layer.filters - wanted) < 8


def with_weights(network):
    """The layers that a ResNet's depth counts."""
    kinds = (keras.layers.Conv2D, keras.layers.Dense)
    return [layer for layer in network.layers if isinstance(layer, kinds) and "shortcut" not in layer.name]


@pytest.mark.parametrize("depth", [None, 8, 20, 32])
def test_it_has_as_many_layers_as_its_depth_says(depth):
    assert len(with_weights(build(Design("resnet", depth=depth), 16, 16, 10))) == (depth or 20)


def test_resnet20_has_the_parameters_of_the_paper():
    network = build(Design("resnet"), 32, 32, 10)
    trained = sum(int(keras.ops.size(weight)) for weight in network.trainable_weights)
    assert trained == pytest.approx(0.27e6, rel=0.02)  # He et al. 2016, table 6


@pytest.mark.parametrize(("width", "channels"), [(0.5, (8, 16, 32)), (1, (16, 32, 64)), (2.5, (40, 80, 160))])
def test_the_width_multiplies_the_channels_of_each_stage(width, channels):
    network = build(Design("resnet", depth=8, width=width), 16, 16, 10)
    ends = [network.get_layer(f"stage{stage}_1_relu").output.shape[1:] for stage in (1, 2, 3)]
    assert ends == [(16, 16, channels[0]), (8, 8, channels[1]), (4, 4, channels[2])]


@pytest.fixture(scope="module")
def network_of_resnet8():
    return build(Design("resnet8"), 32, 32, 10)


def test_it_has_the_parameters_of_mlperf_tiny(network_of_resnet8):
    assert network_of_resnet8.count_params() == 78_666


def test_it_has_the_layers_of_mlperf_tiny(network_of_resnet8):
    kinds = Counter(type(layer) for layer in network_of_resnet8.layers)
    assert kinds[layers.Conv2D] == 9
    assert kinds[layers.BatchNormalization] == kinds[layers.ReLU] == 7
    assert kinds[layers.Add] == 3
    pooling = network_of_resnet8.get_layer("mean")
    assert isinstance(pooling, layers.AveragePooling2D)
    assert pooling.pool_size == (8, 8)
    assert all(layer.use_bias for layer in network_of_resnet8.layers if isinstance(layer, layers.Conv2D))


def test_its_shortcuts_have_no_batch_normalisation(network_of_resnet8):
    for name in ("stack2", "stack3"):
        shortcut = network_of_resnet8.get_layer(f"{name}_shortcut")
        assert (shortcut.kernel_size, shortcut.strides) == ((1, 1), (2, 2))
        assert network_of_resnet8.get_layer(f"{name}_add").input[0] is shortcut.output


def test_an_oblong_image_is_pooled_as_a_whole():
    network_of_resnet8 = build(Design("resnet8"), 48, 32, 2)
    assert network_of_resnet8.get_layer("mean").output.shape == (None, 1, 1, 64)
