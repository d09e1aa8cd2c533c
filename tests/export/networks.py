"""Small networks for the tests of both formats, and how to run what became of them."""

from typing import Any

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter

from edgecls.data.backend import keras
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard

CARD = ModelCard(labels=tuple("abcd"), image=ImageRule(32, 32))
_rng = np.random.default_rng(0)
IMAGES = np.clip(  # noise around different colours
    _rng.integers(0, 256, (24, 1, 1, 3)) + _rng.normal(0, 25, (24, 32, 32, 3)), 0, 255
).astype(np.uint8)

_layers = keras.layers


def residual() -> Any:
    """Batch normalisation, ReLU, a shortcut and Add, as in ResNet-8."""

    def block(x, filters, strides):
        y = _normalised(_layers.Conv2D(filters, 3, strides, padding="same")(x), _layers.ReLU())
        y = _normalised(_layers.Conv2D(filters, 3, padding="same")(y))
        shortcut = _layers.Conv2D(filters, 1, strides, padding="same")(x) if strides > 1 else x
        return _layers.ReLU()(_layers.Add()([shortcut, y]))

    image = _image()
    x = _normalised(_layers.Conv2D(8, 3, padding="same")(image), _layers.ReLU())
    return _network(image, block(block(x, 8, 1), 16, 2))


def inverted_residual(strides: tuple[int, ...] = (1, 2)) -> Any:
    """Depthwise convolutions, ReLU6 and padding by itself, as in MobileNetV2; a block for each stride."""

    def block(x, filters, strides):
        y = _normalised(_layers.Conv2D(24, 1, use_bias=False)(x), _layers.ReLU(6.0))
        padding = "same"
        if strides == 2:
            y, padding = _layers.ZeroPadding2D(((0, 1), (0, 1)))(y), "valid"
        y = _layers.DepthwiseConv2D(3, strides, padding=padding, use_bias=False)(y)
        y = _normalised(_layers.Conv2D(filters, 1, use_bias=False)(_normalised(y, _layers.ReLU(6.0))))
        return _layers.Add()([x, y]) if strides == 1 else y

    image = _image()
    x = _layers.Conv2D(8, 3, 2, padding="same", use_bias=False)(image)
    x = _normalised(x, _layers.ReLU(6.0))
    for stride in strides:
        x = block(x, 8 if stride == 1 else 12, stride)
    return _network(image, x)


def of_many_layers() -> Any:
    """Most other layers that are built."""
    image = _image()
    x = _layers.LeakyReLU()(_layers.Conv2D(8, 3)(_layers.ZeroPadding2D()(image)))
    x = _layers.SeparableConv2D(8, 3, activation="relu", padding="same")(_layers.AveragePooling2D(2)(x))
    x = _layers.Concatenate()([x, _layers.PReLU(shared_axes=[1, 2])(x)])
    x = _layers.Multiply()([x, _layers.Conv2D(16, 1, activation="sigmoid")(x)])
    x = _layers.Subtract()([_layers.Maximum()([x, _layers.Average()([x, x])]), _layers.Conv2D(16, 1)(x)])
    x = _layers.UpSampling2D()(_layers.MaxPooling2D(3, 2, padding="same")(x))
    x = _layers.Conv2DTranspose(8, 3, padding="same")(_layers.Cropping2D(2)(x))
    x = _layers.Conv2D(8, 3)(_layers.LayerNormalization()(_layers.Permute((2, 1, 3))(x)))
    return _network(image, _layers.SpatialDropout2D(0.1)(_layers.Activation("tanh")(x)))


def dense_only() -> Any:
    """Without a convolution, as a first try often is."""
    image = _image()
    x = _layers.Dense(16, activation="relu")(_layers.Flatten()(_layers.MaxPooling2D(4)(image)))
    return _network(image, _layers.Reshape((1, 1, 16))(x))


def hard_to_quantise(network: Any, spread: float = 1e5) -> Any:
    """A copy that answers the same, with channels that differ in size by five orders of magnitude.

    One scale for all channels of an activation then has no levels left for most of them.
    """
    copy = keras.models.clone_model(network)
    weights = [weight.copy() for weight in network.get_weights()]
    sizes = np.geomspace(1, spread, weights[0].shape[-1])
    weights[0] *= sizes  # the kernel and bias of the first convolution,
    weights[1] *= sizes
    weights[2] /= sizes[:, np.newaxis]  # and the kernel of the second
    copy.set_weights(weights)
    return copy


def with_weak_head(network: Any, weight: float = 2000) -> Any:
    """A copy whose last layer multiplies what should be 0 by a large weight, as one fitted on few pictures.

    Two channels of the mean become multiples of each other; one of the labels depends on their difference.
    """
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    convolution, normalisation, dense = [layer for layer in copy.layers if layer.weights][-3:]
    for layer, factor in ((convolution, 1), (normalisation, 1.07)):
        weights = layer.get_weights()
        for values in weights[:2]:  # the kernel, or gamma and beta
            values[..., 1] = values[..., 0] * factor
        layer.set_weights(weights)
    kernel, bias = dense.get_weights()
    kernel[0, 0] += weight * 1.07
    kernel[1, 0] -= weight
    dense.set_weights([kernel, bias])
    return copy


def keras_answers(network: Any, card: ModelCard, images: np.ndarray) -> np.ndarray:
    pixels = images.astype(np.float32) * np.float32(card.scale) + np.float32(card.offset)
    return network(pixels, training=False).numpy()


def answers(content: bytes, inputs: np.ndarray) -> np.ndarray:
    """What a file gives for each of its inputs, one at a time; (N, C) in the file's own type."""
    run = _tflite(content) if content[4:8] == b"TFL3" else _onnx(content)
    return np.concatenate([run(one[np.newaxis]) for one in inputs])


def _tflite(content: bytes):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (entry,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(one):
        interpreter.set_tensor(entry["index"], one)
        interpreter.invoke()
        return interpreter.get_tensor(out["index"])

    return run


def _onnx(content: bytes):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda one: session.run(None, {"image": one})[0]


def _image() -> Any:
    keras.utils.set_random_seed(2)  # the same weights every time,
    keras.utils.clear_session()  # and the same names
    return keras.Input((32, 32, 3))


def _normalised(x, activation=None):
    x = _layers.BatchNormalization(
        beta_initializer=keras.initializers.RandomNormal(0, 0.2, seed=1),
        gamma_initializer=keras.initializers.RandomUniform(0.8, 1.2, seed=2),
    )(x)
    return activation(x) if activation else x


def _network(image, x) -> Any:
    """Ends it in classes over which `IMAGES` are spread, as the answers of a trained network are."""
    features = _layers.GlobalAveragePooling2D()(x)
    seen = keras_answers(keras.Model(image, features), CARD, IMAGES)
    dense = _layers.Dense(4, activation="softmax")
    network = keras.Model(image, dense(features))
    kernel = np.random.default_rng(1).normal(0, 0.6, (seen.shape[1], 4)) / seen.std(0).max()
    dense.set_weights([kernel, -seen.mean(0) @ kernel])
    return network
