"""A tiny network for each layer, activation and option of Keras that an export may meet."""

from collections.abc import Callable
from typing import Any

from edgecls.data.backend import keras

_layers = keras.layers
SIDE_PX = 12

_ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "sigmoid", "hard_sigmoid", "silu"),
    *("hard_silu", "softplus", "softsign", "tanh", "exponential", "mish", "softmax", "log_softmax"),
    *("log_sigmoid", "linear", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "threshold"),
    *("squareplus", "sparse_plus"),
)


def _convolution(**options: Any) -> Callable[[Any], Any]:
    return lambda x: _layers.Conv2D(8, 3, **options)(x)


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
    return lambda x: _layers.Conv2D(8, 3, activation="relu", dtype=policy)(x)


MIDDLES: dict[str, Callable[[Any], Any]] = {
    **{f"activation {name}": lambda x, name=name: _layers.Activation(name)(x) for name in _ACTIVATIONS},
    "approximate gelu": lambda x: keras.activations.gelu(x, approximate=True),
    "Conv2D valid": _convolution(),
    "Conv2D strides": _convolution(strides=2, padding="same"),
    "Conv2D dilated": _convolution(dilation_rate=2, padding="same"),
    "Conv2D dilated valid": _convolution(dilation_rate=3),
    "Conv2D groups": _convolution(groups=4, padding="same"),
    "Conv2D groups of strides": _convolution(groups=2, strides=2, activation="relu"),
    "Conv2D groups dilated": _convolution(groups=2, dilation_rate=2, padding="same"),
    "Conv2D oblong": lambda x: _layers.Conv2D(8, (1, 5), padding="same")(x),
    "Conv2DTranspose": lambda x: _layers.Conv2DTranspose(4, 3, 2, padding="same", activation="relu")(x),
    "Conv2DTranspose valid": lambda x: _layers.Conv2DTranspose(4, 4, 3)(x),
    "DepthwiseConv2D": lambda x: _layers.DepthwiseConv2D(3, padding="same")(x),
    "DepthwiseConv2D strides": lambda x: _layers.DepthwiseConv2D(3, 2)(x),
    "DepthwiseConv2D multiplier": lambda x: _layers.DepthwiseConv2D(3, depth_multiplier=2)(x),
    "DepthwiseConv2D dilated": lambda x: _layers.DepthwiseConv2D(3, dilation_rate=2, padding="same")(x),
    "SeparableConv2D": lambda x: _layers.SeparableConv2D(6, 3)(x),
    "SeparableConv2D dilated": lambda x: _layers.SeparableConv2D(6, 3, dilation_rate=2, depth_multiplier=2)(x),
    "Dense on maps": lambda x: _layers.Dense(5, activation="relu")(x),
    "BatchNormalization": lambda x: _layers.BatchNormalization()(x),
    "BatchNormalization of rows": lambda x: _layers.BatchNormalization(axis=1)(x),
    "LayerNormalization": lambda x: _layers.LayerNormalization()(x),
    "LayerNormalization of maps": lambda x: _layers.LayerNormalization(axis=[1, 2, 3])(x),
    "GroupNormalization": lambda x: _layers.GroupNormalization(4)(x),
    "UnitNormalization": lambda x: _layers.UnitNormalization()(x),
    "Normalization": _normalization,
    "Normalization adapted": _adapted,
    "Rescaling": lambda x: _layers.Rescaling(2.0, -1.0)(x),
    "Rescaling of channels": lambda x: _layers.Rescaling([0.1 * c + 1 for c in range(8)], [0.2] * 8)(x),
    "ReLU": lambda x: _layers.ReLU()(x),
    "ReLU of everything": lambda x: _layers.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.2)(x),
    "LeakyReLU": lambda x: _layers.LeakyReLU(0.2)(x),
    "PReLU": lambda x: _layers.PReLU(alpha_initializer="random_normal")(x),
    "PReLU shared": lambda x: _layers.PReLU(alpha_initializer="random_normal", shared_axes=[1, 2])(x),
    "ELU": lambda x: _layers.ELU(0.7)(x),
    "Softmax of rows": lambda x: _layers.Softmax(axis=1)(x),
    "Add": _two(_layers.Add()),
    "Subtract": _two(_layers.Subtract()),
    "Multiply": _two(_layers.Multiply()),
    "Average": _two(_layers.Average()),
    "Maximum": _two(_layers.Maximum()),
    "Minimum": _two(_layers.Minimum()),
    "Concatenate": _two(_layers.Concatenate()),
    "Concatenate rows": _two(_layers.Concatenate(axis=1)),
    "MaxPooling2D": lambda x: _layers.MaxPooling2D()(x),
    "MaxPooling2D same": lambda x: _layers.MaxPooling2D(3, 2, padding="same")(x),
    "AveragePooling2D": lambda x: _layers.AveragePooling2D()(x),
    "AveragePooling2D same": lambda x: _layers.AveragePooling2D(3, 2, padding="same")(x),
    "GlobalMaxPooling2D": lambda x: _layers.GlobalMaxPooling2D(keepdims=True)(x),
    "GlobalAveragePooling2D": lambda x: _layers.GlobalAveragePooling2D(keepdims=True)(x),
    "UpSampling2D": lambda x: _layers.UpSampling2D()(x),
    "UpSampling2D bilinear": lambda x: _layers.UpSampling2D(2, interpolation="bilinear")(x),
    "ZeroPadding2D": lambda x: _layers.ZeroPadding2D(((1, 2), (0, 3)))(x),
    "Cropping2D": lambda x: _layers.Cropping2D(((1, 2), (0, 3)))(x),
    "Permute": lambda x: _layers.Permute((2, 3, 1))(x),
    "Reshape": lambda x: _layers.Reshape((6, 24, 8))(x),
    "CenterCrop": lambda x: _layers.CenterCrop(7, 8)(x),
    "Resizing": lambda x: _layers.Resizing(9, 7)(x),
    "Resizing nearest": lambda x: _layers.Resizing(24, 24, interpolation="nearest")(x),
    "Dropout": lambda x: _layers.Dropout(0.5)(x),
    "SpatialDropout2D": lambda x: _layers.SpatialDropout2D(0.5)(x),
    "AlphaDropout": lambda x: _layers.AlphaDropout(0.5)(x),
    "GaussianDropout": lambda x: _layers.GaussianDropout(0.5)(x),
    "GaussianNoise": lambda x: _layers.GaussianNoise(0.5)(x),
    "ActivityRegularization": lambda x: _layers.ActivityRegularization(0.1)(x),
    "Identity": lambda x: _layers.Identity()(x),
    "RandomFlip": lambda x: _layers.RandomFlip()(x),
    "RandomRotation": lambda x: _layers.RandomRotation(0.1)(x),
    "RandomZoom": lambda x: _layers.RandomZoom(0.1)(x),
    "RandomTranslation": lambda x: _layers.RandomTranslation(0.1, 0.1)(x),
    "RandomContrast": lambda x: _layers.RandomContrast(0.1)(x),
    "RandomBrightness": lambda x: _layers.RandomBrightness(0.1)(x),
    "excitation": _repeated_excitation,
    "model inside": _model_inside,
    "attention": lambda x: _layers.MultiHeadAttention(2, 4)(*[_layers.Reshape((-1, 8))(x)] * 2),
    "dense by einsum": lambda x: _layers.EinsumDense("abcd,de->abce", (None, None, 6))(x),
    "RMSNormalization": lambda x: _layers.RMSNormalization()(x),
    "AdaptiveAveragePooling2D": lambda x: _layers.AdaptiveAveragePooling2D(4)(x),
    "AdaptiveMaxPooling2D": lambda x: _layers.AdaptiveMaxPooling2D(5)(x),
    "Conv1D": lambda x: _layers.Conv1D(4, 3, padding="causal")(_layers.Reshape((-1, 8))(x)),
    "Conv1D groups": lambda x: _layers.Conv1D(4, 3, groups=2)(_layers.Reshape((-1, 8))(x)),
    "DepthwiseConv1D": lambda x: _layers.DepthwiseConv1D(3)(_layers.Reshape((-1, 8))(x)),
    "Conv3D": lambda x: _layers.Conv3D(4, 3)(_layers.Reshape((6, 2, 12, 8))(x)) if 0 else _layers.Conv3D(4, (3, 1, 3))(_layers.Reshape((6, 2, 12, 8))(x)),
    "MaxPooling1D": lambda x: _layers.MaxPooling1D(2)(_layers.Reshape((-1, 8))(x)),
    "Dot": lambda x: _layers.Dot(axes=2)([_layers.Reshape((-1, 8))(x)] * 2),
    "mixed_float16": _own_policy("mixed_float16"),
    "mixed_bfloat16": _own_policy("mixed_bfloat16"),
    "float16": _own_policy("float16"),
    "operations": lambda x: (x * 2.0 - 0.5) / 3.0 + keras.ops.sqrt(keras.ops.abs(x) + 0.1),
    "operation relu": lambda x: keras.ops.relu(x),
    "operation mean": lambda x: keras.ops.mean(x, axis=[1, 2], keepdims=True) + x,
    "operation normalize": lambda x: keras.ops.normalize(x, axis=-1),
}


def network(middle: str) -> Any:
    """A classifier of 12x12 px whose only unusual layer is the one of this name."""
    keras.utils.set_random_seed(4)
    keras.utils.clear_session()
    image = keras.Input((SIDE_PX, SIDE_PX, 3))
    x = _layers.Conv2D(8, 3, padding="same", bias_initializer="random_normal")(image)
    x = MIDDLES[middle](x)
    x = _layers.Flatten()(x)
    return keras.Model(image, _layers.Dense(4, activation="softmax", dtype="float32")(x))
