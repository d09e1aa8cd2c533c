"""The small networks that the Keras makers save, in the words of Keras 2.12 to 3."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf

from .given import FIT_CELLS, SCALES, TEST_CELLS, prepared, ridge, targets

keras = tf.keras
layers = keras.layers
version: str = getattr(keras, "__version__", tf.__version__)
is_three = version.startswith("3")
tf.config.threading.set_intra_op_parallelism_threads(1)


def flat(model):
    """Yields the layers of a model and of the models in it."""
    for layer in model.layers:
        yield from flat(layer) if hasattr(layer, "layers") else (layer,)


def seen(cells, side_px, scale="0..1", crop="stretch", channels="rgb", mean=0.0, std=1.0):
    """Returns a network's float32 input: (pixel * scale + offset - mean) / std, in its order of channels."""
    pixels = prepared(cells, side_px, crop).astype(np.float32)
    if channels == "bgr":
        pixels = pixels[..., ::-1]
    if channels == "grey":
        pixels = np.stack([_grey(picture) for picture in prepared(cells, side_px, crop)])
    factor, offset = SCALES[scale]
    return ((pixels * factor + offset - np.float32(mean)) / np.float32(std)).astype(np.float32)


def _grey(picture):
    """BT.601's luma in fixed point of 15 bits, as cv2's BGR2GRAY: float32 (H, W, 1)."""
    red, green, blue = (picture[..., channel].astype(np.int64) for channel in range(3))
    return ((9798 * red + 19235 * green + 3735 * blue + (1 << 14)) >> 15)[..., None].astype(np.float32)


def fit(model, inputs, outputs=3, height=2.5):
    """Sets the last layer's weights by least squares, so that the pictures get distinct answers."""
    last = next(layer for layer in reversed(model.layers) if layer.weights)
    body = keras.Model(model.inputs, last.input)
    features = np.asarray(body.predict(inputs, verbose=0), np.float64)
    has_bias = len(last.get_weights()) > 1
    weights, bias = ridge(features, targets(outputs, height), has_bias)
    values = [weights.reshape(last.get_weights()[0].shape)]
    last.set_weights([*values, bias] if has_bias else values)
    return model


def shake(model, inputs, seed=4):
    """Gives the normalising layers the statistics of these pictures, as training does.

    Without them a deep network's features hardly differ from one picture to the next: its answers are alike,
    and what its head makes of the features is mostly float32's rounding.
    """
    random = np.random.default_rng(seed)
    normalising = [layer for layer in flat(model) if isinstance(layer, layers.BatchNormalization)]
    for layer in normalising:
        factor, offset, *rest = layer.get_weights()
        factor, offset = random.uniform(0.7, 1.3, factor.shape), random.uniform(-0.2, 0.2, offset.shape)
        layer.set_weights([factor, offset, *rest])
        # Also where a model is built with `training=False`, and whatever else acts in training stays still.
        layer.usual, layer.call = layer.momentum, _training(layer.call)
        layer.momentum = 0.0  # the statistics of the next pictures
    if normalising:
        model(inputs, training=False)
    for layer in normalising:
        layer.momentum = layer.__dict__.pop("usual")
        del layer.call
    return model


def _training(call):
    return lambda inputs, **_: call(inputs, training=True)


def small(side_px=48, first=(), middle=None, head="softmax", outputs=3, channels=3, width=8, **dense):
    """Returns a network: `first` layers, a convolution, what `middle` makes of it, and a head."""
    inputs = keras.Input((side_px, side_px, channels))
    x = inputs
    for layer in first:
        x = layer(x)
    x = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
    x = middle(x) if middle else layers.Conv2D(2 * width, 3, padding="same", activation="relu")(x)
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(outputs, activation=head, **dense)(x))


def answers(model, inputs):
    """Returns the network's outputs as float32."""
    return np.asarray(model.predict(inputs, verbose=0), np.float32)


FIT, TEST = FIT_CELLS, TEST_CELLS
