"""MobileNetV2's inverted residuals for small images, by width (Sandler et al. 2018, table 2).

Against the paper: the first two of its halvings are left out, because its 224 px would become 7x7 but 32 px
1x1; ReLU takes the place of ReLU6; and the width multiplies the last 1x1 convolution also when it is under 1.
"""

from typing import Any

from ..backend import keras
from ..design import Design
from . import blocks

layers = keras.layers

_EXPANSION = 6
_STEM, _LAST = 32, 1280
_STAGES = ((16, 1, 1), (24, 2, 1), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
"""Channels, blocks, and the stride of the first of them."""


def mobilenet(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """Builds it; see `networks.build`. Images over 48 px are made smaller first."""
    width = design.width or 1.0
    inputs = blocks.image(height_px, width_px)
    x = blocks.Conv(_channels(_STEM * width))(blocks.small_enough(inputs), "stem")
    for stage, (filters, count, stride) in enumerate(_STAGES, 1):
        for number in range(1, count + 1):
            expansion = _EXPANSION if stage > 1 else 1
            first = stride if number == 1 else 1
            x = _inverted(x, _channels(filters * width), expansion, first, f"stage{stage}_{number}")
    x = blocks.Conv(_channels(_LAST * width), kernel=1)(x, "last")
    return blocks.classified(inputs, x, design, classes)


def _inverted(x: Any, filters: int, expansion: int, stride: int, name: str) -> Any:
    """Wider, over the picture channel by channel, narrow again; and the input added where it fits."""
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


def _channels(wanted: float) -> int:
    """The nearest multiple of 8 that is not more than a tenth smaller, as MobileNet's authors round."""
    nearest = 8 * max(1, int(wanted + 4) // 8)
    return nearest + 8 if nearest < 0.9 * wanted else nearest
