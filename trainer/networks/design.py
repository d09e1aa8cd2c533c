"""The networks that exist, and the choice of one with its depth and width. Needs no Keras."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ...edge_runtime.errors import UnknownChoice, UsageError

RESNET_DEPTH = 20
"""The default depth of `resnet`."""
_LEAST_RESNET_DEPTH = 8


@dataclass(frozen=True)
class Design:
    """A network, but for the size of its images and the number of its classes."""

    arch: str = "cnn"
    """A name in `ARCHITECTURES`."""
    dropout: float = 0.0
    """The share of activations dropped before each dense layer in training; 0 adds no dropout layer."""
    depth: int | None = None
    """The number of layers with weights, for a network with several depths; None is its default."""
    width: float | None = None
    """A factor for the channels, for a network with several widths; None is 1."""


@dataclass(frozen=True)
class Costs:
    """What a network costs."""

    parameters: int
    macs: int
    """Multiply-accumulates for one image."""
    int8_bytes: int
    """Approximate size of the TFLite file of `edgecls export --int8`; see `costs.int8_bytes`."""


class Pixels(NamedTuple):
    """The range of pixels that a network takes: byte * scale + offset, as the model card says it."""

    scale: float = 1 / 255
    offset: float = 0.0


BYTES_TO_1 = Pixels()
"""0 to 1, which most networks take."""


@dataclass(frozen=True)
class Architecture:
    """What a network can be built with; `networks.build` builds it, for any number of classes."""

    smallest_side_px: int = 8
    is_depth: Callable[[int], bool] | None = None
    """Whether a depth exists; None if the network has only one."""
    widths: tuple[float, float] | None = None
    """The narrowest and the widest; None if the network has only one."""
    pretrained_widths: tuple[float, ...] = ()
    """Where only some widths have pretrained weights, and no other is offered: these."""
    pixels: Pixels = BYTES_TO_1
    is_pretrained: bool = False
    """Whether its weights, but for the last layer, come from ImageNet."""


def _is_resnet_depth(depth: int) -> bool:
    """Whether the depth is 6n + 2: a first convolution, three stages of 2n layers, a dense layer."""
    return depth >= _LEAST_RESNET_DEPTH and depth % 6 == 2


LITE0_STAGES = {"lite0-4": 4, "lite0-5": 5, "lite0-6": 6, "lite0": 7}
"""EfficientNet-Lite0 by architecture: after which of its stages it is cut; 7 is the whole."""
_LITE0 = Architecture(pixels=Pixels(1 / 128, -127 / 128), is_pretrained=True)

ARCHITECTURES = {
    "cnn": Architecture(smallest_side_px=18),
    "resnet8": Architecture(),
    "resnet": Architecture(is_depth=_is_resnet_depth, widths=(0.5, 10)),
    "mobilenet": Architecture(widths=(0.25, 2)),
    "nano": Architecture(),
    "edge": Architecture(),
    **dict.fromkeys(LITE0_STAGES, _LITE0),
    "mobilenetv2": Architecture(
        pretrained_widths=(0.35, 0.5, 0.75, 1.0),
        pixels=Pixels(1 / 127.5, -1.0),
        is_pretrained=True,
    ),
}


def check_design(design: Design, height_px: int, width_px: int) -> None:
    """Checks that the network can be built, before Keras is imported or a data set is read.

    Raises:
        UsageError: no such network, depth or width, or the images are too small for it.
    """
    arch = design.arch
    if arch not in ARCHITECTURES:
        raise UnknownChoice(
            f"--arch {arch}: no such network; use {', '.join(ARCHITECTURES)}", arch, ARCHITECTURES
        )
    if not 0 <= design.dropout < 1:
        raise UsageError(f"--dropout {design.dropout:g}: a share under 1; use 0 to 0.5")
    _check_depth(design)
    _check_width(design)
    side_px, smallest_px = min(height_px, width_px), ARCHITECTURES[arch].smallest_side_px
    if side_px < smallest_px:
        raise UsageError(
            f"--imgsz {side_px}: too small for {arch}, whose layers need {smallest_px} px; 32 is usual"
        )


def _check_depth(design: Design) -> None:
    known = ARCHITECTURES[design.arch].is_depth
    if design.depth is None:
        return
    if known is None:
        raise UsageError(f"--depth: {design.arch} has only one; leave it out, or use --arch resnet")
    if not known(design.depth):
        raise UsageError(
            f"--depth {design.depth}: {design.arch} has 6n+2 layers, at least {_LEAST_RESNET_DEPTH}; "
            f"use {RESNET_DEPTH}, 32, 44, 56 or 110"
        )


def _check_width(design: Design) -> None:
    known = ARCHITECTURES[design.arch]
    if design.width is None or design.width in known.pretrained_widths:
        return
    if known.pretrained_widths:
        *most, last = (f"{width:g}" for width in known.pretrained_widths)
        raise UsageError(
            f"--width {design.width:g}: {design.arch} has weights for {', '.join(most)} and {last} only; "
            "use one of them"
        )
    if known.widths is None:
        several = " or ".join(
            name for name, each in ARCHITECTURES.items() if each.widths or each.pretrained_widths
        )
        raise UsageError(f"--width: {design.arch} has only one; leave it out, or use --arch {several}")
    narrowest, widest = known.widths
    if not narrowest <= design.width <= widest:
        raise UsageError(
            f"--width {design.width:g}: {design.arch} can be {narrowest:g} to {widest:g} times as wide; "
            "use a number between them"
        )
