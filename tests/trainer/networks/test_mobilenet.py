import pytest
from edgecls.trainer.backend import keras
from edgecls.trainer.networks import Design, build

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
