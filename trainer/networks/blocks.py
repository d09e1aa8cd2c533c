"""Building blocks of the networks. Each takes and gives a Keras tensor (N, height, width, channels).

Batch normalisation follows a convolution directly, so that an export folds it into the weights. For the same
reason nothing shifts the input to a mean of zero: the first convolution pads with zeros, so no converter can
fold the shift. A Rescaling for it stayed in every exported file as a MUL and an ADD over the whole image, in
int8 too. The normalisation after the first convolution does the same at no cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...data.backend import keras
from .design import Design

layers = keras.layers

FULL_SIDE_PX = 48
"""Larger images are halved first; see `small_enough`."""
LAST_LAYER = "probabilities"
"""The name of the last layer of every network."""
_STEM_FILTERS = 16
MOMENTUM = 0.9
"""Of batch normalisation. Keras's 0.99 needs 500 steps to forget early statistics, too many for short
trainings."""


class Block(Protocol):
    """A step of a network."""

    def __call__(self, x: Any, name: str) -> Any:
        """Adds its layers after `x`; their names begin with `name`."""
        ...


@dataclass(frozen=True)
class Conv:
    """Convolution, batch normalisation, ReLU."""

    filters: int
    kernel: int = 3
    stride: int = 1

    def __call__(self, x: Any, name: str) -> Any:
        """See `Block`."""
        return relu(convolution(x, self.filters, name, kernel=self.kernel, stride=self.stride), name)


@dataclass(frozen=True)
class Pool:
    """Max pooling over 2x2 pixels."""

    def __call__(self, x: Any, name: str) -> Any:
        """See `Block`."""
        return layers.MaxPooling2D(2, name=name)(x)


@dataclass(frozen=True)
class Residual:
    """Two convolutions beside a shortcut (He et al. 2016, fig. 2).

    The shortcut is the input itself, or its 1x1 convolution where the size or the channels change.
    """

    filters: int
    stride: int = 1

    def __call__(self, x: Any, name: str) -> Any:
        """See `Block`."""
        y = Conv(self.filters, stride=self.stride)(x, f"{name}_a")
        y = convolution(y, self.filters, f"{name}_b")
        if self.stride > 1 or x.shape[-1] != self.filters:
            x = convolution(x, self.filters, f"{name}_shortcut", kernel=1, stride=self.stride)
        return relu(layers.Add(name=f"{name}_add")([x, y]), name)


def convolution(x: Any, filters: int, name: str, *, kernel: int = 3, stride: int = 1) -> Any:
    """Adds a convolution without bias, then batch normalisation, which has one."""
    x = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return normalised(x, name)


def normalised(x: Any, name: str) -> Any:
    """Adds batch normalisation."""
    return layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)


def relu(x: Any, name: str) -> Any:
    """Adds a ReLU, which every int8 engine computes inside the operator before it."""
    return layers.ReLU(name=f"{name}_relu")(x)


def image(height_px: int, width_px: int) -> Any:
    """Returns the input: RGB, 0 to 1."""
    return keras.Input((height_px, width_px, 3), name="image")


def small_enough(x: Any) -> Any:
    """Halves the sides until none is over `FULL_SIDE_PX`, so that large images cost little more.

    Each halving is a 3x3 convolution of stride 2, as in the stems of networks for large images, with the 16
    filters of MobileNetV3 (Howard et al. 2019): 96 px become 48, 224 px become 28.
    """
    number = 1
    while max(x.shape[1:3]) > FULL_SIDE_PX:
        x = Conv(_STEM_FILTERS, stride=2)(x, f"half{number}")
        number += 1
    return x


def chained(x: Any, blocks: Sequence[Block]) -> Any:
    """Adds one block after the other; their names are numbered from 1."""
    for number, block in enumerate(blocks, 1):
        x = block(x, f"{type(block).__name__.lower()}{number}")
    return x


def classified(inputs: Any, x: Any, design: Design, classes: int) -> keras.Model:
    """Ends a network with the mean over the picture and one dense layer."""
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return dense_model(inputs, x, design, classes)


def dense_model(inputs: Any, x: Any, design: Design, classes: int) -> keras.Model:
    """Ends a network with the dense layer that gives probabilities; its name is that of the architecture."""
    if design.dropout:
        x = layers.Dropout(design.dropout, name="dropout")(x)
    return keras.Model(inputs, probabilities(classes)(x), name=design.arch)


def probabilities(classes: int) -> keras.Layer:
    """Returns the last layer of every network: float32 whatever the others compute in."""
    return layers.Dense(classes, activation="softmax", dtype="float32", name=LAST_LAYER)
