import pytest
from edgecls.trainer.backend import keras
from edgecls.trainer.networks import Design, build


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
