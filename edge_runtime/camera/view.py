"""How a camera's picture is seen, by people and by the network."""

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from ..errors import UsageError
from ..images.opencv import cv2
from ..images.prepare import decode_reduced, prepare_box
from ..images.rule import Box, ImageRule, crop_box
from .frame import Frame

# The region of the picture that is classified: `--roi x,y,w,h`.

_NUMBER = re.compile(r"\d+(\.\d+)?|\.\d+")
_REMEDY = (
    "write x,y,w,h in pixels, such as 160,0,320,480, or as parts of the picture's sides, "
    "such as 0.25,0.0,0.5,1.0"
)


@dataclass(frozen=True)
class Roi:
    """A rectangle of the picture as a person sees it: after it was rotated and mirrored."""

    left: float
    top: float
    width: float
    height: float
    is_relative: bool
    """Parts of the picture's width and height, 0 to 1, which a change of the camera's resolution does not
    move; otherwise pixels."""

    def __str__(self) -> str:
        return f"{self.left:g},{self.top:g},{self.width:g},{self.height:g}"

    def box(self, height_px: int, width_px: int) -> Box:
        """The region of a picture of this size.

        Raises:
            UsageError: it reaches out of the picture.
        """
        wide, high = (width_px, height_px) if self.is_relative else (1, 1)
        left_px, right_px = round(self.left * wide), round((self.left + self.width) * wide)
        top_px, bottom_px = round(self.top * high), round((self.top + self.height) * high)
        if right_px > width_px or bottom_px > height_px:
            raise UsageError(
                f"--roi {self}: outside of the picture, which has {width_px}x{height_px} pixels; {_REMEDY}"
            )
        left_px, top_px = min(left_px, width_px - 1), min(top_px, height_px - 1)
        return Box(top_px, left_px, max(1, bottom_px - top_px), max(1, right_px - left_px))


def parse_roi(text: str) -> Roi:
    """Reads `x,y,w,h`: pixels where all four are whole numbers; with a decimal point in any, parts.

    Raises:
        UsageError: something else, or a part that reaches out of the picture.
    """
    numbers = [number.strip() for number in text.split(",")]
    if len(numbers) != 4 or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise UsageError(f"--roi {text}: not a region; {_REMEDY}")
    left, top, width, height = map(float, numbers)
    is_relative = "." in text
    if not width or not height:
        raise UsageError(f"--roi {text}: an empty region; {_REMEDY}")
    if is_relative and (left + width > 1 + 1e-9 or top + height > 1 + 1e-9):
        raise UsageError(f"--roi {text}: outside of the picture; {_REMEDY}")
    return Roi(left, top, width, height, is_relative)


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

    def upright(self, frame: Frame) -> Frame:
        """The frame as people see it. It is turned when its pixels are asked for."""
        return replace(frame, transform=self.apply) if self.rotate or self.flip else frame

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Rotates and mirrors uint8 (H, W, 3); the same array where there is nothing to turn."""
        if self.rotate:
            pixels = cv2.rotate(pixels, _ROTATE_CODES[self.rotate])
        return cv2.flip(pixels, _FLIP_CODES[self.flip]) if self.flip else pixels

    def box(self, height_px: int, width_px: int, rule: ImageRule) -> Box:
        """The box of the camera's own picture, not turned and of this size, that the network sees.

        Raises:
            UsageError: `roi` reaches out of the picture.
        """
        if self._swaps_sides:
            height_px, width_px = width_px, height_px
        roi = self.roi.box(height_px, width_px) if self.roi else Box(0, 0, height_px, width_px)
        crop = crop_box(roi.height_px, roi.width_px, rule)
        seen = crop._replace(top_px=roi.top_px + crop.top_px, left_px=roi.left_px + crop.left_px)
        return self._rotated_back(seen, height_px, width_px)

    def rule_before_rotation(self, rule: ImageRule) -> ImageRule:
        """What makes the network's input, but for the turn, of a box of the camera's own picture."""
        if not self._swaps_sides:
            return rule
        return replace(rule, height_px=rule.width_px, width_px=rule.height_px)

    @property
    def _swaps_sides(self) -> bool:
        return self.rotate in (90, 270)

    def _rotated_back(self, box: Box, height_px: int, width_px: int) -> Box:
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
    lying = view.rule_before_rotation(rule)
    box_of = partial(view.box, rule=rule)
    if frame.jpeg is None:
        image = prepare_box(frame.pixels, box_of(*frame.pixels.shape[:2]), lying)
    else:
        part = decode_reduced(frame.jpeg, lying, box_of, f"frame {frame.sequence}")
        image = prepare_box(part.pixels, part.box, lying, part.scale)
    return view.apply(image)
