"""The architectures, one after the other; `build` makes one of them from a `Design`.

To change a network, change its function here; to add one, add its function, its entry in `_BUILDERS` and in
`design.ARCHITECTURES`, and its recipe in `trainer/recipe.py`. All but `cnn` and the pretrained ones make
images over 48 px smaller first.
"""

from collections.abc import Callable
from typing import Any

from ...data.backend import keras
from . import blocks
from .blocks import Conv, Pool, Residual
from .design import LITE0_STAGES, RESNET_DEPTH, Design, check_design
from .lite0 import lite0, load_pretrained
from .mobilenetv2 import load_keras_weights, mobilenetv2

layers = keras.layers


def build(
    design: Design, height_px: int, width_px: int, classes: int, *, is_to_count: bool = False
) -> keras.Model:
    """Builds a network with initial or pretrained weights, not compiled.

    Args:
        design: which network.
        height_px: of its input.
        width_px: of its input.
        classes: how many it tells apart.
        is_to_count: whether any weights will do, so that none have to be read or downloaded.

    Returns:
        A model of float32 (N, height_px, width_px, 3) RGB, in the architecture's range of pixels, to
        probabilities float32 (N, classes).

    Raises:
        UsageError: see `check_design`.
        BadData, Unavailable, OutputFailed, PermissionRefused: see `load_keras_weights`.
    """
    check_design(design, height_px, width_px)
    network = _BUILDERS[design.arch](design, height_px, width_px, classes)
    if not is_to_count and design.arch in _PRETRAINED:
        _PRETRAINED[design.arch](network, design)
    return network


def cnn(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """The documented CNN: 122,570 parameters at 32x32 px and 10 classes."""

    def drop(name: str) -> list[keras.Layer]:
        return [layers.Dropout(design.dropout, name=name)] if design.dropout else []

    return keras.Sequential(
        [
            keras.Input((height_px, width_px, 3), name="image"),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Conv2D(64, 3, activation="relu", name="conv3"),
            layers.Flatten(name="flatten"),
            *drop("dropout1"),
            layers.Dense(64, activation="relu", name="dense1"),
            *drop("dropout2"),
            blocks.probabilities(classes),
        ],
        name="cnn",
    )


NANO_BLOCKS = (Conv(24), Pool(), Residual(32), Conv(64), Pool(), Conv(64))
"""Between the input and the mean over the picture."""


def nano(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """The smallest: an int8 file of at most 100,000 bytes, no slower than MLPerf Tiny's ResNet-8.

    Dense 3x3 convolutions, mostly with multiples of 32 channels, make the best use of the int8 kernels of
    both engines.
    """
    inputs = blocks.image(height_px, width_px)
    x = blocks.chained(blocks.small_enough(inputs), NANO_BLOCKS)
    return blocks.classified(inputs, x, design, classes)


EDGE_BLOCKS = (Conv(32), Conv(64), Pool(), Residual(64), Conv(128), Pool(), Residual(128))
"""Between the input and the mean over the picture."""


def edge(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """The most accurate: an int8 file of at most 600,000 bytes, made as `nano` is, but wider."""
    inputs = blocks.image(height_px, width_px)
    x = blocks.chained(blocks.small_enough(inputs), EDGE_BLOCKS)
    return blocks.classified(inputs, x, design, classes)


def resnet8(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """MLPerf Tiny's ResNet-8, its reference for image classification: 78,666 parameters at 10 classes.

    Layer for layer `resnet_v1_eembc` of mlcommons/tiny
    (benchmark/training/image_classification/keras_model.py),
    with what a network of today would not have: convolutions with a bias before batch normalisation, and
    shortcuts without it. Its L2 penalty belongs to the training: `--weight-decay` here.
    """
    inputs = blocks.image(height_px, width_px)
    x = blocks.small_enough(inputs)
    x = blocks.relu(_resnet8_convolution(x, 16, "stem"), "stem")
    for number, (filters, stride) in enumerate(((16, 1), (32, 2), (64, 2)), 1):
        name = f"stack{number}"
        y = blocks.relu(_resnet8_convolution(x, filters, f"{name}_a", stride), f"{name}_a")
        y = _resnet8_convolution(y, filters, f"{name}_b")
        if stride > 1:
            x = _biased_convolution(filters, 1, stride, f"{name}_shortcut")(x)
        x = blocks.relu(layers.Add(name=f"{name}_add")([x, y]), name)
    x = layers.AveragePooling2D(x.shape[1:3], name="mean")(x)
    return blocks.dense_model(inputs, layers.Flatten(name="flatten")(x), design, classes)


def _resnet8_convolution(x: Any, filters: int, name: str, stride: int = 1) -> Any:
    return blocks.normalised(_biased_convolution(filters, 3, stride, f"{name}_conv")(x), name)


def _biased_convolution(filters: int, kernel: int, stride: int, name: str) -> keras.Layer:
    return layers.Conv2D(
        filters, kernel, strides=stride, padding="same", kernel_initializer="he_normal", name=name
    )


def resnet(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """ResNets for small images, by depth (He et al. 2016, section 4.2) and width (Zagoruyko, Komodakis 2016).

    Three stages with the same number of residual blocks, with 16, 32 and 64 channels times the width.
    Shortcuts that change size are 1x1 convolutions (option B of the paper), which every engine runs well.
    """
    inputs = blocks.image(height_px, width_px)
    filters = 8 * max(1, round(16 * (design.width or 1) / 8))
    x = blocks.Conv(filters)(blocks.small_enough(inputs), "stem")
    for stage, times in enumerate((1, 2, 4), 1):
        for number in range(1, ((design.depth or RESNET_DEPTH) - 2) // 6 + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            x = blocks.Residual(times * filters, stride)(x, f"stage{stage}_{number}")
    return blocks.classified(inputs, x, design, classes)


_MOBILENET_EXPANSION = 6
_MOBILENET_STEM, _MOBILENET_LAST = 32, 1280
_MOBILENET_STAGES = (
    (16, 1, 1),
    (24, 2, 1),
    (32, 3, 2),
    (64, 4, 2),
    (96, 3, 1),
    (160, 3, 2),
    (320, 1, 1),
)
"""Channels, blocks, and the stride of the first of them."""


def mobilenet(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """MobileNetV2's inverted residuals for small images, by width (Sandler et al. 2018, table 2).

    Unlike the paper: without the first two halvings, because its 224 px become 7x7 but 32 px would become
    1x1; with ReLU in place of ReLU6; and with a width under 1 that applies to the last 1x1 convolution too.
    """
    width = design.width or 1.0
    inputs = blocks.image(height_px, width_px)
    x = blocks.Conv(_rounded_channels(_MOBILENET_STEM * width))(blocks.small_enough(inputs), "stem")
    for stage, (filters, count, stride) in enumerate(_MOBILENET_STAGES, 1):
        for number in range(1, count + 1):
            expansion = _MOBILENET_EXPANSION if stage > 1 else 1
            first = stride if number == 1 else 1
            channels = _rounded_channels(filters * width)
            x = _inverted_residual(x, channels, expansion, first, f"stage{stage}_{number}")
    x = blocks.Conv(_rounded_channels(_MOBILENET_LAST * width), kernel=1)(x, "last")
    return blocks.classified(inputs, x, design, classes)


def _inverted_residual(x: Any, filters: int, expansion: int, stride: int, name: str) -> Any:
    """Widens by 1x1, convolves channel by channel, narrows by 1x1; adds the input where the sizes agree."""
    y = x
    if expansion > 1:
        y = blocks.Conv(expansion * x.shape[-1], kernel=1)(y, f"{name}_wide")
    y = layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer="he_normal",
        name=f"{name}_depth_conv",
    )(y)
    y = blocks.relu(blocks.normalised(y, f"{name}_depth"), f"{name}_depth")
    y = blocks.convolution(y, filters, f"{name}_narrow", kernel=1)
    if stride == 1 and x.shape[-1] == filters:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y


def _rounded_channels(wanted: float) -> int:
    """Returns the nearest multiple of 8 that is not over a tenth smaller, as MobileNet's authors round."""
    nearest = 8 * max(1, int(wanted + 4) // 8)
    return nearest + 8 if nearest < 0.9 * wanted else nearest


_BUILDERS: dict[str, Callable[[Design, int, int, int], keras.Model]] = {
    "cnn": cnn,
    "resnet8": resnet8,
    "resnet": resnet,
    "mobilenet": mobilenet,
    "nano": nano,
    "edge": edge,
    **dict.fromkeys(LITE0_STAGES, lite0),
    "mobilenetv2": mobilenetv2,
}
"""Each takes a checked design, height_px, width_px and classes."""

_PRETRAINED: dict[str, Callable[[keras.Model, Design], None]] = {
    **dict.fromkeys(LITE0_STAGES, load_pretrained),
    "mobilenetv2": load_keras_weights,
}
"""Each sets the weights of all layers but the last."""
