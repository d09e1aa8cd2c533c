"""The networks by name: what each may be asked for, and how it is built."""

from collections.abc import Callable
from dataclasses import dataclass

from ...edge_runtime.errors import UsageError
from ..backend import keras
from ..design import Design
from .cnn import cnn
from .edge import edge
from .mobilenet import mobilenet
from .nano import nano
from .resnet import LEAST_DEPTH, USUAL_DEPTH, is_depth, resnet
from .resnet8 import resnet8


@dataclass(frozen=True)
class Architecture:
    """A kind of network, for any number of classes."""

    build: Callable[[Design, int, int, int], keras.Model]
    """A checked design, height_px, width_px and classes to a network."""
    smallest_side_px: int = 8
    is_depth: Callable[[int], bool] | None = None
    """Which depths there are; None if it has only one."""
    widths: tuple[float, float] | None = None
    """The narrowest and the widest; None if it has only one."""


ARCHITECTURES = {
    "cnn": Architecture(cnn, smallest_side_px=18),
    "resnet8": Architecture(resnet8),
    "resnet": Architecture(resnet, is_depth=is_depth, widths=(0.5, 10)),
    "mobilenet": Architecture(mobilenet, widths=(0.25, 2)),
    "nano": Architecture(nano),
    "edge": Architecture(edge),
}


def build(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """Builds a network with first weights, not compiled.

    Returns:
        A model of float32 (N, height_px, width_px, 3) RGB, 0 to 1, to probabilities float32 (N, classes).

    Raises:
        UsageError: as `check`.
    """
    check(design, height_px, width_px)
    return ARCHITECTURES[design.arch].build(design, height_px, width_px, classes)


def check(design: Design, height_px: int, width_px: int) -> None:
    """Finds out early whether `build` could work, before a data set is read for it.

    Raises:
        UsageError: no such network, not in this depth or width, or the images are too small for it.
    """
    arch = design.arch
    if arch not in ARCHITECTURES:
        raise UsageError(f"--arch {arch}: no such network; use {', '.join(ARCHITECTURES)}")
    if not 0 <= design.dropout < 1:
        raise UsageError(f"--dropout {design.dropout:g}: a share under 1; use 0 to 0.5")
    _check_depth(design)
    _check_width(design)
    side_px, smallest_px = min(height_px, width_px), ARCHITECTURES[arch].smallest_side_px
    if side_px < smallest_px:
        raise UsageError(
            f"--size {side_px}: too small for {arch}, whose layers need {smallest_px} px; use 32 or more"
        )


def _check_depth(design: Design) -> None:
    known = ARCHITECTURES[design.arch].is_depth
    if design.depth is None:
        return
    if known is None:
        raise UsageError(f"--depth: {design.arch} has only one; leave it out, or use --arch resnet")
    if not known(design.depth):
        raise UsageError(
            f"--depth {design.depth}: {design.arch} has 6n+2 layers, at least {LEAST_DEPTH}; "
            f"use {USUAL_DEPTH}, 32, 44, 56 or 110"
        )


def _check_width(design: Design) -> None:
    widths = ARCHITECTURES[design.arch].widths
    if design.width is None:
        return
    if widths is None:
        several = " or ".join(name for name, known in ARCHITECTURES.items() if known.widths)
        raise UsageError(f"--width: {design.arch} has only one; leave it out, or use --arch {several}")
    if not widths[0] <= design.width <= widths[1]:
        raise UsageError(
            f"--width {design.width:g}: {design.arch} can be {widths[0]:g} to {widths[1]:g} times as wide; "
            "use a number between them"
        )
