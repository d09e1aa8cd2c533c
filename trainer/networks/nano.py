"""Our smallest: an int8 file of at most 100,000 bytes that is no slower than MLPerf Tiny's ResNet-8.

Dense 3x3 convolutions, mostly with multiples of 32 channels, keep the int8 kernels of both engines fullest.
"""

from ..backend import keras
from ..design import Design
from . import blocks
from .blocks import Conv, Pool, Residual

BLOCKS = (Conv(24), Pool(), Residual(32), Conv(64), Pool(), Conv(64))
"""What is between the input and the mean over the picture."""


def nano(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """Builds it; see `networks.build`. Images over 48 px are made smaller first."""
    inputs = blocks.image(height_px, width_px)
    x = blocks.chained(blocks.small_enough(inputs), BLOCKS)
    return blocks.classified(inputs, x, design, classes)
