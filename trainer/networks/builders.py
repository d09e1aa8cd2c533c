"""How the networks are built, by name; what each may be asked for is in `..design`."""

from collections.abc import Callable

from ..backend import keras
from ..design import Design, check
from .cnn import cnn
from .edge import edge
from .mobilenet import mobilenet
from .nano import nano
from .resnet import resnet
from .resnet8 import resnet8

_BUILDERS: dict[str, Callable[[Design, int, int, int], keras.Model]] = {
    "cnn": cnn,
    "resnet8": resnet8,
    "resnet": resnet,
    "mobilenet": mobilenet,
    "nano": nano,
    "edge": edge,
}
"""Each takes a checked design, height_px, width_px and classes."""


def build(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """Builds a network with first weights, not compiled.

    Returns:
        A model of float32 (N, height_px, width_px, 3) RGB, 0 to 1, to probabilities float32 (N, classes).

    Raises:
        UsageError: as `check`.
    """
    check(design, height_px, width_px)
    return _BUILDERS[design.arch](design, height_px, width_px, classes)
