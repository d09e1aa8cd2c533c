"""MobileNetV2 as it is in Keras, with Keras's ImageNet weights."""

from typing import Any

from ...data.backend import keras
from ...data.downloads import keep_digest
from ...edge_runtime.errors import BadData
from ...edge_runtime.text import one_reason
from . import blocks, mobilenetv2_weights
from .design import Design

_LAST_OF_TRUNK = "out_relu"


def mobilenetv2(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """The network of Sandler et al. (2018), by width; unlike `mobilenet` it halves the picture five times."""
    inputs = blocks.image(height_px, width_px)
    width = mobilenetv2_weights.width_of(design)
    initial: Any = None  # pyright infers a str from Keras's default
    trunk = keras.applications.MobileNetV2(
        input_tensor=inputs, alpha=width, include_top=False, weights=initial
    )
    for layer in trunk.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = blocks.MOMENTUM  # Keras's 0.999 is for a million pictures
    return blocks.classified(inputs, trunk.output, design, classes)


def load_keras_weights(network: keras.Model, design: Design) -> None:
    """Sets the weights of all layers but the last; downloads them where they are not in Keras's cache.

    Raises:
        BadData: the file is not the one expected, or holds other weights.
        Unavailable, OutputFailed, PermissionRefused: see `fetch_weights`.
    """
    _, height_px, width_px, _ = network.input_shape
    path, sha256 = mobilenetv2_weights.fetch_weights(design, height_px, width_px)
    trunk = keras.Model(network.inputs, network.get_layer(_LAST_OF_TRUNK).output)
    try:
        trunk.load_weights(path)
    except Exception as error:  # of h5py, or of Keras, which raises whatever its layers do
        raise BadData(
            f"{path}: not the weights of this network: {one_reason(error)}; delete it to download it again"
        ) from error
    keep_digest(path, sha256)
