import pytest

from edgecls.data.backend import keras
from edgecls.trainer.networks.blocks import Conv, Pool, Residual, chained, image, small_enough

layers = keras.layers


def network(*blocks, side_px=16):
    inputs = image(side_px, side_px)
    return keras.Model(inputs, chained(inputs, blocks))


def names(model):
    return [layer.name for layer in model.layers[1:]]


def test_blocks_are_numbered_and_name_their_layers():
    assert names(network(Conv(8), Pool(), Conv(8, kernel=1))) == [
        *("conv1_conv", "conv1_norm", "conv1_relu"),
        "pool2",
        *("conv3_conv", "conv3_norm", "conv3_relu"),
    ]


def test_convolutions_have_no_bias_because_their_normalisation_has_one():
    model = network(Conv(8), Residual(16, stride=2))
    assert not any(layer.use_bias for layer in model.layers if isinstance(layer, layers.Conv2D))


def test_every_normalisation_follows_a_convolution_so_that_it_can_be_folded():
    for layer in network(Conv(8), Residual(8), Residual(16, stride=2)).layers:
        if isinstance(layer, layers.BatchNormalization):
            assert isinstance(layer.input._keras_history.operation, layers.Conv2D)


def test_a_shortcut_is_the_input_itself_where_nothing_changes():
    model = network(Conv(8), Residual(8))
    assert model.get_layer("residual2_add").input[0] is model.get_layer("conv1_relu").output


@pytest.mark.parametrize("residual", [Residual(16), Residual(8, stride=2)])
def test_a_shortcut_is_a_convolution_where_size_or_channels_change(residual):
    model = network(Conv(8), residual)
    shortcut = model.get_layer("residual2_shortcut_conv")
    assert shortcut.kernel_size == (1, 1)
    assert shortcut.strides == (residual.stride, residual.stride)


@pytest.mark.parametrize(
    ("height_px", "width_px", "seen"),
    [
        (32, 32, (32, 32)),
        (48, 48, (48, 48)),
        (49, 32, (25, 16)),
        (96, 96, (48, 48)),
        (160, 120, (40, 30)),
        (224, 224, (28, 28)),
    ],
)
def test_large_images_are_halved_until_none_of_their_sides_is_over_48_px(height_px, width_px, seen):
    assert small_enough(image(height_px, width_px)).shape[1:3] == seen
