"""Our most accurate: an int8 file of at most 600,000 bytes, made as `nano` is, but wider."""

from ..backend import keras
from ..design import Design
from . import blocks
from .blocks import Conv, Pool, Residual

BLOCKS = (Conv(32), Conv(64), Pool(), Residual(64), Conv(128), Pool(), Residual(128))
"""What is between the input and the mean over the picture."""


def edge(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """Builds it; see `networks.build`. Images over 48 px are made smaller first."""
    inputs = blocks.image(height_px, width_px)
    x = blocks.chained(blocks.small_enough(inputs), BLOCKS)
    return blocks.classified(inputs, x, design, classes)
