"""A tiny network for each layer, activation and option of Keras that an export may meet."""

from collections.abc import Callable
from typing import Any

from edgecls.data.backend import keras

_layers: Any = keras.layers
SIDE_PX = 12

_ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "sigmoid", "hard_sigmoid", "silu"),
    *("hard_silu", "softplus", "softsign", "tanh", "exponential", "mish", "softmax", "log_softmax"),
    *("log_sigmoid", "linear", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink"),
    *("squareplus", "sparse_plus"),
)


def _convolution(**options: Any) -> Callable[[Any], Any]:
    return _layers.Conv2D(8, 3, **options)


def _two(layer: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda x: layer([x, _layers.Conv2D(8, 1)(x)])


def _normalization(x: Any) -> Any:
    mean, variance = [0.1 * channel for channel in range(8)], [1 + 0.1 * channel for channel in range(8)]
    return _layers.Normalization(mean=mean, variance=variance)(x)


def _adapted(x: Any) -> Any:
    layer = _layers.Normalization()
    x = layer(x)
    layer.adapt(_noise((16, SIDE_PX, SIDE_PX, 8)))
    return x


def _noise(shape: tuple[int, ...]) -> Any:
    return keras.ops.convert_to_numpy(keras.random.normal(shape, seed=3))


def _repeated_excitation(x: Any) -> Any:
    y = _layers.GlobalAveragePooling2D(keepdims=True)(x)
    return _layers.Multiply()([x, _layers.Conv2D(8, 1, activation="hard_sigmoid")(y)])


def _model_inside(x: Any) -> Any:
    image = keras.Input(x.shape[1:])
    return keras.Model(image, _layers.Conv2D(4, 3, activation="gelu")(image))(x)


def _own_policy(policy: str) -> Callable[[Any], Any]:
    return _layers.Conv2D(8, 3, activation="relu", dtype=policy)


MIDDLES: dict[str, Callable[[], Callable[[Any], Any]]] = {
    **{f"activation {name}": lambda name=name: _layers.Activation(name) for name in _ACTIVATIONS},
    "approximate gelu": lambda: lambda x: keras.activations.gelu(x, approximate=True),
    "Conv2D valid": _convolution,
    "Conv2D strides": lambda: _convolution(strides=2, padding="same"),
    "Conv2D dilated": lambda: _convolution(dilation_rate=2, padding="same"),
    "Conv2D dilated valid": lambda: _convolution(dilation_rate=3),
    "Conv2D groups": lambda: _convolution(groups=4, padding="same"),
    "Conv2D groups of strides": lambda: _convolution(groups=2, strides=2, activation="relu"),
    "Conv2D groups dilated": lambda: _convolution(groups=2, dilation_rate=2, padding="same"),
    "Conv2D oblong": lambda: _layers.Conv2D(8, (1, 5), padding="same"),
    "Conv2DTranspose": lambda: _layers.Conv2DTranspose(4, 3, 2, padding="same", activation="relu"),
    "Conv2DTranspose valid": lambda: _layers.Conv2DTranspose(4, 4, 3),
    "DepthwiseConv2D": lambda: _layers.DepthwiseConv2D(3, padding="same"),
    "DepthwiseConv2D strides": lambda: _layers.DepthwiseConv2D(3, 2),
    "DepthwiseConv2D multiplier": lambda: _layers.DepthwiseConv2D(3, depth_multiplier=2),
    "DepthwiseConv2D dilated": lambda: _layers.DepthwiseConv2D(3, dilation_rate=2, padding="same"),
    "SeparableConv2D": lambda: _layers.SeparableConv2D(6, 3),
    "SeparableConv2D dilated": lambda: _layers.SeparableConv2D(6, 3, dilation_rate=2, depth_multiplier=2),
    "Dense on maps": lambda: _layers.Dense(5, activation="relu"),
    "BatchNormalization": _layers.BatchNormalization,
    "BatchNormalization of rows": lambda: _layers.BatchNormalization(axis=1),
    "LayerNormalization": _layers.LayerNormalization,
    "LayerNormalization of maps": lambda: _layers.LayerNormalization(axis=[1, 2, 3]),
    "GroupNormalization": lambda: _layers.GroupNormalization(4),
    "UnitNormalization": _layers.UnitNormalization,
    "Normalization": lambda: _normalization,
    "Normalization adapted": lambda: _adapted,
    "Rescaling": lambda: _layers.Rescaling(2.0, -1.0),
    "Rescaling of channels": lambda: _layers.Rescaling([0.1 * c + 1 for c in range(8)], [0.2] * 8),
    "ReLU": _layers.ReLU,
    "ReLU of everything": lambda: _layers.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.2),
    "LeakyReLU": lambda: _layers.LeakyReLU(0.2),
    "PReLU": lambda: _layers.PReLU(alpha_initializer="random_normal"),
    "PReLU shared": lambda: _layers.PReLU(alpha_initializer="random_normal", shared_axes=[1, 2]),
    "ELU": lambda: _layers.ELU(0.7),
    "Softmax of rows": lambda: _layers.Softmax(axis=1),
    "Add": lambda: _two(_layers.Add()),
    "Subtract": lambda: _two(_layers.Subtract()),
    "Multiply": lambda: _two(_layers.Multiply()),
    "Average": lambda: _two(_layers.Average()),
    "Maximum": lambda: _two(_layers.Maximum()),
    "Minimum": lambda: _two(_layers.Minimum()),
    "Concatenate": lambda: _two(_layers.Concatenate()),
    "Concatenate rows": lambda: _two(_layers.Concatenate(axis=1)),
    "MaxPooling2D": _layers.MaxPooling2D,
    "MaxPooling2D same": lambda: _layers.MaxPooling2D(3, 2, padding="same"),
    "AveragePooling2D": lambda: _layers.AveragePooling2D(2),
    "AveragePooling2D same": lambda: _layers.AveragePooling2D(3, 2, padding="same"),
    "GlobalMaxPooling2D": lambda: _layers.GlobalMaxPooling2D(keepdims=True),
    "GlobalAveragePooling2D": lambda: _layers.GlobalAveragePooling2D(keepdims=True),
    "UpSampling2D": _layers.UpSampling2D,
    "UpSampling2D bilinear": lambda: _layers.UpSampling2D(2, interpolation="bilinear"),
    "ZeroPadding2D": lambda: _layers.ZeroPadding2D(((1, 2), (0, 3))),
    "Cropping2D": lambda: _layers.Cropping2D(((1, 2), (0, 3))),
    "Permute": lambda: _layers.Permute((2, 3, 1)),
    "Reshape": lambda: _layers.Reshape((6, 24, 8)),
    "CenterCrop": lambda: _layers.CenterCrop(7, 8),
    "Resizing": lambda: _layers.Resizing(9, 7),
    "Resizing nearest": lambda: _layers.Resizing(24, 24, interpolation="nearest"),
    "Dropout": lambda: _layers.Dropout(0.5),
    "SpatialDropout2D": lambda: _layers.SpatialDropout2D(0.5),
    "AlphaDropout": lambda: _layers.AlphaDropout(0.5),
    "GaussianDropout": lambda: _layers.GaussianDropout(0.5),
    "GaussianNoise": lambda: _layers.GaussianNoise(0.5),
    "ActivityRegularization": lambda: _layers.ActivityRegularization(0.1),
    "Identity": _layers.Identity,
    "RandomFlip": _layers.RandomFlip,
    "RandomRotation": lambda: _layers.RandomRotation(0.1),
    "RandomZoom": lambda: _layers.RandomZoom(0.1),
    "RandomTranslation": lambda: _layers.RandomTranslation(0.1, 0.1),
    "RandomContrast": lambda: _layers.RandomContrast(0.1),
    "RandomBrightness": lambda: _layers.RandomBrightness(0.1),
    "excitation": lambda: _repeated_excitation,
    "model inside": lambda: _model_inside,
    "attention": lambda: lambda x: _layers.MultiHeadAttention(2, 4)(*[_layers.Reshape((-1, 8))(x)] * 2),
    "dense by einsum": lambda: _layers.EinsumDense("abcd,de->abce", (SIDE_PX, SIDE_PX, 6)),
    "RMSNormalization": _layers.RMSNormalization,
    "AdaptiveAveragePooling2D": lambda: _layers.AdaptiveAveragePooling2D(4),
    "AdaptiveMaxPooling2D": lambda: _layers.AdaptiveMaxPooling2D(5),
    "Conv1D": lambda: lambda x: _layers.Conv1D(4, 3, padding="causal")(_layers.Reshape((-1, 8))(x)),
    "Conv1D groups": lambda: lambda x: _layers.Conv1D(4, 3, groups=2)(_layers.Reshape((-1, 8))(x)),
    "DepthwiseConv1D": lambda: lambda x: _layers.DepthwiseConv1D(3)(_layers.Reshape((-1, 8))(x)),
    "Conv3D": lambda: lambda x: _layers.Conv3D(4, (3, 1, 3))(_layers.Reshape((6, 2, 12, 8))(x)),
    "MaxPooling1D": lambda: lambda x: _layers.MaxPooling1D(2)(_layers.Reshape((-1, 8))(x)),
    "Dot": lambda: lambda x: _layers.Dot(axes=2)([_layers.Reshape((-1, 8))(x)] * 2),
    "mixed_float16": lambda: _own_policy("mixed_float16"),
    "mixed_bfloat16": lambda: _own_policy("mixed_bfloat16"),
    "float16": lambda: _own_policy("float16"),
    "operations": lambda: lambda x: (x * 2.0 - 0.5) / 3.0 + keras.ops.sqrt(x * x + 0.1),
    "operation relu": lambda: keras.ops.relu,
    "operation mean": lambda: lambda x: keras.ops.mean(x, axis=[1, 2], keepdims=True) + x,
    "operation normalize": lambda: lambda x: keras.ops.normalize(x, axis=-1),
}


def network(middle: str) -> Any:
    """A classifier of 12x12 px whose only unusual layer is the one of this name."""
    keras.utils.set_random_seed(4)
    keras.utils.clear_session()
    image = keras.Input((SIDE_PX, SIDE_PX, 3))
    x = _layers.Conv2D(8, 3, padding="same", bias_initializer="random_normal")(image)
    x = MIDDLES[middle]()(x)
    x = _layers.Flatten()(x)
    return keras.Model(image, _layers.Dense(4, activation="softmax", dtype="float32")(x))
