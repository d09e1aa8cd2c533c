"""EfficientNet-Lite0 with Google's ImageNet weights: whole, or cut after one of its stages.

The network of Tan and Le (2019) as its authors made it lighter for small computers: ReLU6 in place of swish,
no squeeze-and-excite. The weights come with edgecls, see NOTICE; `tools/convert_lite0.py` makes their file.
Unlike the other networks it takes pixels of -0.99 to 1, `PIXELS`, on which it was trained.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ...data.backend import keras
from . import blocks
from .design import LITE0_STAGES, Design

layers = keras.layers

_WEIGHTS = Path(__file__).with_name("weights") / "lite0.npz"
_STEM, _HEAD = 32, 1280
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first block, expansion, channels."""


def lite0(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """The network that `design.arch` names; `load_pretrained` sets its weights."""
    inputs = blocks.image(height_px, width_px)
    return blocks.classified(inputs, trunk(inputs, LITE0_STAGES[design.arch]), design, classes)


def trunk(x: Any, stages: int = len(_STAGES)) -> Any:
    """Adds the first stages after the input `x`; after the last stage, the 1x1 convolution to 1,280."""
    x = _relu6(blocks.convolution(x, _STEM, "stem", stride=2), "stem")
    for stage, (count, kernel, first_stride, expansion, filters) in enumerate(_STAGES[:stages], 1):
        for number in range(1, count + 1):
            stride = first_stride if number == 1 else 1
            name = f"stage{stage}_{number}"
            x = _inverted_residual(x, filters, name, kernel=kernel, stride=stride, expansion=expansion)
    if stages < len(_STAGES):
        return x
    return _relu6(blocks.convolution(x, _HEAD, "head", kernel=1), "head")


def load_pretrained(network: keras.Model, _design: Design | None = None) -> None:
    """Sets the weights of all layers that are in the archive; float16 there, float32 here."""
    archive = _archive()
    for layer in network.layers:
        if layer.name in archive:
            layer.set_weights(archive[layer.name])


@cache
def _archive() -> dict[str, list[np.ndarray]]:
    """Returns each layer's weights by its name, in Keras's order."""
    weights: dict[str, list[np.ndarray]] = {}
    with np.load(_WEIGHTS, allow_pickle=False) as arrays:
        for name in arrays.files:
            values = arrays[name].astype(np.float32)
            # Of batch normalisation gamma, beta, mean and variance are the rows of one array.
            weights[name] = list(values) if name.endswith("_norm") else [values]
    return weights


def _inverted_residual(x: Any, filters: int, name: str, *, kernel: int, stride: int, expansion: int) -> Any:
    """Widens by 1x1, convolves channel by channel, narrows by 1x1; adds the input where the sizes agree."""
    y = x
    if expansion > 1:
        y = _relu6(blocks.convolution(y, expansion * x.shape[-1], f"{name}_wide", kernel=1), f"{name}_wide")
    y = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depth_conv"
    )(y)
    y = _relu6(blocks.normalised(y, f"{name}_depth"), f"{name}_depth")
    y = blocks.convolution(y, filters, f"{name}_narrow", kernel=1)
    if stride == 1 and x.shape[-1] == filters:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y


def _relu6(x: Any, name: str) -> Any:
    return layers.ReLU(6.0, name=f"{name}_relu")(x)
