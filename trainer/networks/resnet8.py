"""MLPerf Tiny's ResNet-8, the reference of its image classification: 78,666 parameters at 10 classes.

Layer for layer `resnet_v1_eembc` of mlcommons/tiny (benchmark/training/image_classification/keras_model.py),
with what that has and a network of today would not: convolutions with a bias in front of batch normalisation,
and shortcuts without any. Its L2 penalty is a matter of training, `--weight-decay` here.
"""

from typing import Any

from ..backend import keras
from ..design import Design
from . import blocks

layers = keras.layers


def resnet8(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """Builds it; see `networks.build`. Images over 48 px are made smaller first."""
    inputs = blocks.image(height_px, width_px)
    x = blocks.small_enough(inputs)
    x = blocks.relu(_convolution(x, 16, "stem"), "stem")
    for number, (filters, stride) in enumerate(((16, 1), (32, 2), (64, 2)), 1):
        name = f"stack{number}"
        y = blocks.relu(_convolution(x, filters, f"{name}_a", stride), f"{name}_a")
        y = _convolution(y, filters, f"{name}_b")
        if stride > 1:
            x = _biased(filters, 1, stride, f"{name}_shortcut")(x)
        x = blocks.relu(layers.Add(name=f"{name}_add")([x, y]), name)
    x = layers.AveragePooling2D(x.shape[1:3], name="mean")(x)
    return blocks.dense_model(inputs, layers.Flatten(name="flatten")(x), design, classes)


def _convolution(x: Any, filters: int, name: str, stride: int = 1) -> Any:
    return blocks.normalised(_biased(filters, 3, stride, f"{name}_conv")(x), name)


def _biased(filters: int, kernel: int, stride: int, name: str) -> keras.Layer:
    return layers.Conv2D(
        filters, kernel, strides=stride, padding="same", kernel_initializer="he_normal", name=name
    )
