"""How a camera's picture is seen, by people and by the network."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from ..image import Box, ImageRule, crop_box, prepare_box
from ..jpeg import decode_reduced
from ..opencv import cv2
from .frame import Frame
from .roi import Roi

Rotation = Literal[0, 90, 180, 270]
"""Degrees clockwise."""
ROTATIONS: dict[str, Rotation] = {"0": 0, "90": 90, "180": 180, "270": 270}
"""As `--rotate` spells them."""
_ROTATE_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_FLIP_CODES = {"horizontal": 1, "vertical": 0}


@dataclass(frozen=True)
class View:
    """How a camera that hangs askew is put right, and which part of its picture is classified.

    The picture is rotated first and then mirrored; that is how people see it, in full. The network sees `roi`
    of that, cropped as its model card says.
    """

    roi: Roi | None = None
    rotate: Rotation = 0
    flip: Literal["horizontal", "vertical"] | None = None
    """`horizontal` exchanges left and right, as a mirror does."""

    def seen(self, frame: Frame) -> Frame:
        """The frame as people see it. It is turned when its pixels are asked for."""
        return replace(frame, turn=self.turned) if self.rotate or self.flip else frame

    def turned(self, pixels: np.ndarray) -> np.ndarray:
        """Rotates and mirrors uint8 (H, W, 3); the same array where there is nothing to turn."""
        if self.rotate:
            pixels = cv2.rotate(pixels, _ROTATE_CODES[self.rotate])
        return cv2.flip(pixels, _FLIP_CODES[self.flip]) if self.flip else pixels

    def box(self, height_px: int, width_px: int, rule: ImageRule) -> Box:
        """The box of the camera's own picture, not turned and of this size, that the network sees.

        Raises:
            UsageError: `roi` reaches out of the picture.
        """
        if self._lies_on_its_side:
            height_px, width_px = width_px, height_px
        roi = self.roi.box(height_px, width_px) if self.roi else Box(0, 0, height_px, width_px)
        crop = crop_box(roi.height_px, roi.width_px, rule)
        seen = crop._replace(top_px=roi.top_px + crop.top_px, left_px=roi.left_px + crop.left_px)
        return self._turned_back(seen, height_px, width_px)

    def rule_before_turning(self, rule: ImageRule) -> ImageRule:
        """What makes the network's input, but for the turn, of a box of the camera's own picture."""
        if not self._lies_on_its_side:
            return rule
        return replace(rule, height_px=rule.width_px, width_px=rule.height_px)

    @property
    def _lies_on_its_side(self) -> bool:
        return self.rotate in (90, 270)

    def _turned_back(self, box: Box, height_px: int, width_px: int) -> Box:
        """From a box of the picture of this size that people see to the same box of the camera's own."""
        top, left, high, wide = box
        if self.flip == "horizontal":
            left = width_px - left - wide
        elif self.flip == "vertical":
            top = height_px - top - high
        match self.rotate:
            case 90:
                return Box(width_px - left - wide, top, wide, high)
            case 180:
                return Box(height_px - top - high, width_px - left - wide, high, wide)
            case 270:
                return Box(left, height_px - top - high, wide, high)
        return Box(top, left, high, wide)


AS_IT_COMES = View()


def network_input(frame: Frame, rule: ImageRule, view: View = AS_IT_COMES) -> np.ndarray:
    """A frame as the camera gave it as the network's input, uint8 (rule.height_px, rule.width_px, 3) RGB.

    What is turned is the small picture: the large one would take as long as the rest together.

    Raises:
        BadImage: its JPEG is damaged.
        UsageError: the view's region reaches out of the picture.
    """
    lying = view.rule_before_turning(rule)
    box_of = partial(view.box, rule=rule)
    if frame.jpeg is None:
        image = prepare_box(frame.pixels, box_of(*frame.pixels.shape[:2]), lying)
    else:
        part = decode_reduced(frame.jpeg, lying, box_of, f"frame {frame.sequence}")
        image = prepare_box(part.pixels, part.box, lying, part.scale)
    return view.turned(image)
