"""Every layer beside what Keras itself says of it."""

import pytest
from edgecls.edge_runtime.inspection.keras_layers import is_known, step
from edgecls.export.keras_libraries import keras

layers = keras.layers

ALONE = [
    layers.Activation("relu"),
    layers.AveragePooling2D(3, strides=2, padding="same"),
    layers.AveragePooling2D((2, 3)),
    layers.BatchNormalization(),
    layers.CenterCrop(5, 6),
    layers.Conv2D(8, 3),
    layers.Conv2D(8, (3, 5), strides=(2, 1), padding="same"),
    layers.Conv2D(8, 3, dilation_rate=2),
    layers.Conv2D(8, 1, groups=4, use_bias=False),
    layers.Conv2DTranspose(6, 3),
    layers.Conv2DTranspose(6, 3, strides=2),
    layers.Conv2DTranspose(6, 2, strides=3, padding="same"),
    layers.Conv2DTranspose(6, 4, strides=2, padding="same"),
    layers.Conv2DTranspose(6, 3, strides=2, padding="same", output_padding=1),
    layers.Conv2DTranspose(6, 3, strides=2, output_padding=0),
    layers.Cropping2D(1),
    layers.Cropping2D((1, 2)),
    layers.Cropping2D(((1, 2), (0, 3))),
    layers.Dense(7),
    layers.DepthwiseConv2D(3, depth_multiplier=2),
    layers.DepthwiseConv2D(3, strides=2, padding="same"),
    layers.Dropout(0.5),
    layers.Flatten(),
    layers.GaussianDropout(0.5),
    layers.GaussianNoise(0.5),
    layers.GlobalAveragePooling2D(),
    layers.GlobalMaxPooling2D(keepdims=True),
    layers.LayerNormalization(),
    layers.LeakyReLU(),
    layers.MaxPooling2D(),
    layers.MaxPooling2D(3, strides=1),
    layers.Normalization(mean=0.0, variance=1.0),
    layers.PReLU(),
    layers.PReLU(shared_axes=[1, 2]),
    layers.Permute((3, 1, 2)),
    layers.ReLU(),
    layers.Rescaling(1 / 255),
    layers.Reshape((-1, 4)),
    layers.Reshape((6, 66)),
    layers.Resizing(20, 30),
    layers.SeparableConv2D(6, 3, strides=2, depth_multiplier=3),
    layers.Softmax(),
    layers.SpatialDropout2D(0.5),
    layers.UpSampling2D((2, 3)),
    layers.ZeroPadding2D(2),
    layers.ZeroPadding2D((1, 2)),
    layers.ZeroPadding2D(((1, 2), (0, 3))),
]
SHAPE = (9, 11, 4)

MERGING = [
    layers.Add(),
    layers.Average(),
    layers.Concatenate(),
    layers.Concatenate(axis=1),
    layers.Concatenate(axis=-2),
    layers.Maximum(),
    layers.Multiply(),
    layers.Subtract(),
]

ON_ROWS = [
    layers.AveragePooling1D(2),
    layers.Conv1D(6, 3, padding="causal"),
    layers.Conv1DTranspose(6, 3, strides=2),
    layers.Cropping1D((1, 2)),
    layers.DepthwiseConv1D(3),
    layers.GlobalMaxPooling1D(),
    layers.SeparableConv1D(6, 3),
    layers.UpSampling1D(3),
    layers.ZeroPadding1D(2),
]


def options(layer) -> dict:
    """As they are saved: tuples become lists."""
    import json

    return json.loads(json.dumps(keras.saving.serialize_keras_object(layer)["config"]))


def kernels(layer) -> int:
    """Numbers in the kernels, and in PReLU's slopes."""
    return sum(
        weight.numpy().size
        for weight in layer.weights
        if "kernel" in weight.path.split("/")[-1] or "alpha" in weight.path
    )


@pytest.mark.parametrize("layer", ALONE, ids=lambda layer: type(layer).__name__)
def test_a_layer_gives_the_shape_and_has_the_kernels_that_keras_says(layer):
    done = step(type(layer).__name__, options(layer), [SHAPE])
    out = layer(keras.Input(SHAPE))
    assert done.shape == out.shape[1:]
    assert done.weights == kernels(layer)


@pytest.mark.parametrize("layer", ON_ROWS, ids=lambda layer: type(layer).__name__)
def test_a_layer_on_rows_too(layer):
    done = step(type(layer).__name__, options(layer), [(12, 4)])
    assert done.shape == layer(keras.Input((12, 4))).shape[1:]
    assert done.weights == kernels(layer)


@pytest.mark.parametrize("layer", MERGING, ids=lambda layer: type(layer).__name__)
def test_a_layer_of_several_inputs_too(layer):
    done = step(type(layer).__name__, options(layer), [SHAPE, SHAPE])
    assert done.shape == layer([keras.Input(SHAPE), keras.Input(SHAPE)]).shape[1:]


def test_a_size_of_one_is_repeated_to_the_others():
    shapes = [(9, 11, 4), (1, 1, 4), (9, 1, 1)]
    assert step("Multiply", {}, shapes).shape == layers.Multiply()([keras.Input(s) for s in shapes]).shape[1:]


def test_an_embedding_takes_numbers_and_has_a_row_for_each():
    done = step("Embedding", {"input_dim": 100, "output_dim": 8}, [(5,)])
    assert (done.shape, done.weights, done.macs) == ((5, 8), 800, 0)


@pytest.mark.parametrize(
    ("layer", "macs"),
    [
        (layers.Conv2D(8, 3), 7 * 9 * 8 * 3 * 3 * 4),
        (layers.Conv2D(8, 3, strides=2, padding="same"), 5 * 6 * 8 * 3 * 3 * 4),
        (layers.Conv2D(8, 1, groups=4), 9 * 11 * 8 * 1),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), 7 * 9 * 4 * 2 * 3 * 3),
        (layers.SeparableConv2D(6, 3), 7 * 9 * (4 * 3 * 3 + 4 * 6)),
        (layers.Conv2DTranspose(6, 3, strides=2), 9 * 11 * 4 * 6 * 3 * 3),
        (layers.Dense(7), 9 * 11 * 4 * 7),
        (layers.MaxPooling2D(), 0),
        (layers.BatchNormalization(), 0),
    ],
)
def test_multiplications_are_counted_as_by_hand(layer, macs: int):
    assert step(type(layer).__name__, options(layer), [SHAPE]).macs == macs


def test_channels_may_come_first():
    first = options(layers.Conv2D(8, 3)) | {"data_format": "channels_first"}
    assert step("Conv2D", first, [(4, 9, 11)]).shape == (8, 7, 9)
    assert step("GlobalAveragePooling2D", {"data_format": "channels_first"}, [(4, 9, 11)]).shape == (4,)


def test_every_layer_that_export_allows_is_known():
    from edgecls.edge_runtime.inspection.allowed_layers import ALLOWED_LAYERS

    containers = {"Functional", "InputLayer", "Sequential"}
    assert {layer for layer in ALLOWED_LAYERS if not is_known(layer)} == containers


@pytest.mark.parametrize(
    ("layer", "changed"),
    [
        ("Dense", {"units": "many"}),
        ("Dense", {"units": -1}),
        ("Dense", {"units": 1.5}),
        ("Dense", {}),
        ("Conv2D", {"filters": 8, "kernel_size": [3, 3, 3]}),
        ("Conv2D", {"filters": 8, "kernel_size": 20}),
        ("Conv2D", {"filters": 8, "kernel_size": 3, "strides": 0}),
        ("Conv2D", {"filters": 8, "kernel_size": 3, "groups": 0}),
        ("Reshape", {"target_shape": [-1, -1]}),
        ("Reshape", {"target_shape": None}),
        ("Permute", {"dims": [9]}),
        ("Concatenate", {"axis": 9}),
    ],
)
def test_options_that_make_no_sense_are_errors_and_not_numbers(layer: str, changed: dict):
    with pytest.raises((ValueError, LookupError, TypeError, ArithmeticError)):
        step(layer, changed, [SHAPE])
