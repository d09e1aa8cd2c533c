"""Image rule: which part of a picture a network sees, and how that part becomes its input.

Only values and arithmetic, so that a model card can be read without OpenCV.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from ..schema import Range

PixelRange = Literal["0..255", "0..1", "-1..1"]
"""Range of the pixels that a network was trained on."""

Channels = Literal["rgb", "bgr", "grey"]
"""Channels of a network's input, in its order."""
Crop = Literal["center", "stretch"]
"""See `ImageRule.crop`."""

COVER = 1.5
"""Least number of pixels of a reduced picture for each pixel of the network's input, along a side. Of 300
frames of 352x288, 6 % got another label than from the whole picture with 1.1, and 0.7 % with 2.25."""


BITS_OF_DATA = 0
"""In place of a number of bits: as many as the data set uses."""


@dataclass(frozen=True)
class ImageRule:
    """Image rule: how a picture of any size becomes a network's input. It is part of the model card."""

    height_px: Annotated[int, Range(1, 16_384)]
    width_px: Annotated[int, Range(1, 16_384)]
    crop: Crop = "center"
    """`center` crops to the largest centred box of the network's aspect ratio; `stretch` does not crop."""
    interpolation: Literal["area", "linear"] = "area"
    """When shrinking, `area` averages all pixels; `linear` reads four of them, which causes aliasing."""
    transparent: Literal["ignored", "white"] = "ignored"
    """What shows through transparent pixels: `white`; or `ignored`, whatever colour they have themselves, as
    in models trained before there was a choice, and in Keras."""
    bits: Annotated[int, Range(8, 16)] = 16
    """Of pictures with 16 bits a channel, how many are used: with 12, 4,095 is white. `BITS_OF_DATA` until a
    data set is read."""
    decode: Literal["whole", "reduced"] = "whole"
    """Of the JPEGs of a data set: `reduced` decodes them only as far as the network needs, as a device does,
    so that both see the same bytes; `whole`, as in models trained before there was a choice."""
    channels: Channels = "rgb"
    """`bgr` as OpenCV reads pictures; `grey` is one channel, averaged as OpenCV's BGR2GRAY does."""
    resize_to_px: Annotated[int, Range(0, 16_384)] = 0
    """The shorter side of the picture before the centre crop, as in torchvision's Resize(256) and
    CenterCrop(224); 0: the crop reaches from edge to edge."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the network's input."""
        return self.height_px, self.width_px, 1 if self.channels == "grey" else 3


class Box(NamedTuple):
    """A part of a picture, in pixels."""

    top_px: int
    left_px: int
    height_px: int
    width_px: int


def crop_box(height_px: int, width_px: int, rule: ImageRule) -> Box:
    """Returns the box that the network sees of a picture of this size."""
    if rule.crop == "stretch":
        return Box(0, 0, height_px, width_px)
    factor = min(height_px / rule.height_px, width_px / rule.width_px)
    if rule.resize_to_px:
        factor = min(factor, min(height_px, width_px) / rule.resize_to_px)
    box_height_px = max(1, round(rule.height_px * factor))
    box_width_px = max(1, round(rule.width_px * factor))
    top_px, left_px = (height_px - box_height_px) // 2, (width_px - box_width_px) // 2
    return Box(top_px, left_px, box_height_px, box_width_px)


def reduction(covered: float) -> int:
    """Returns by which factor a picture may be reduced: 8, 4, 2 or 1.

    Args:
        covered: pixels of the picture for each pixel of the network's input, along a side.
    """
    return next((scale for scale in (8, 4, 2) if scale * COVER <= covered), 1)
