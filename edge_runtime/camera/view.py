"""View: how a camera's picture is rotated and mirrored, and which part of it the network sees."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from ..images.opencv import cv2
from ..images.prepare import decode_reduced, prepare_box
from ..images.rule import Box, ImageRule, crop_box
from .frame import Frame
from .options import Flip, Rotation
from .region import Roi

Degrees = Literal[0, 90, 180, 270]
"""Of a rotation, clockwise."""
ROTATIONS: dict[Rotation, Degrees] = {"0": 0, "90": 90, "180": 180, "270": 270}
"""By their names in `--rotate`."""
_ROTATE_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_FLIP_CODES = {"horizontal": 1, "vertical": 0}


@dataclass(frozen=True)
class View:
    """How the picture of a camera is turned upright, and which part of it is classified.

    The picture is rotated first and then mirrored. People see all of the result; the network sees `roi` of
    it, cropped as its model card says.
    """

    roi: Roi | None = None
    rotate: Degrees = 0
    flip: Flip | None = None
    """`horizontal` swaps left and right, as a mirror does."""

    def upright(self, frame: Frame) -> Frame:
        """Returns the frame as people see it; it is transformed when its pixels are first used."""
        return replace(frame, transform=self.apply) if self.rotate or self.flip else frame

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Rotates and mirrors uint8 (H, W, C); returns the same array if there is nothing to do."""
        if not (self.rotate or self.flip):
            return pixels
        turned = cv2.rotate(pixels, _ROTATE_CODES[self.rotate]) if self.rotate else pixels
        if self.flip:
            turned = cv2.flip(turned, _FLIP_CODES[self.flip])
        return turned if turned.ndim == pixels.ndim else turned[..., None]  # OpenCV drops a single channel

    def box(self, height_px: int, width_px: int, rule: ImageRule) -> Box:
        """Returns the box that the network sees, in the picture of this size before rotation and mirroring.

        Raises:
            RegionOutside: `roi` does not lie within the picture.
        """
        if self._swaps_sides:
            height_px, width_px = width_px, height_px
        roi = self.roi.box(height_px, width_px) if self.roi else Box(0, 0, height_px, width_px)
        crop = crop_box(roi.height_px, roi.width_px, rule)
        seen = crop._replace(top_px=roi.top_px + crop.top_px, left_px=roi.left_px + crop.left_px)
        return self._rotated_back(seen, height_px, width_px)

    def rule_before_rotation(self, rule: ImageRule) -> ImageRule:
        """Returns the rule that makes the network's input of a box before it is rotated and mirrored."""
        if not self._swaps_sides:
            return rule
        return replace(rule, height_px=rule.width_px, width_px=rule.height_px)

    @property
    def _swaps_sides(self) -> bool:
        return self.rotate in (90, 270)

    def _rotated_back(self, box: Box, height_px: int, width_px: int) -> Box:
        """Returns a box of the upright picture of this size as a box of the camera's picture."""
        top, left, height, width = box
        if self.flip == "horizontal":
            left = width_px - left - width
        elif self.flip == "vertical":
            top = height_px - top - height
        match self.rotate:
            case 0:
                return Box(top, left, height, width)
            case 90:
                return Box(width_px - left - width, top, width, height)
            case 180:
                return Box(height_px - top - height, width_px - left - width, height, width)
            case 270:
                return Box(left, height_px - top - height, width, height)


AS_IT_COMES = View()


def network_input(frame: Frame, rule: ImageRule, view: View = AS_IT_COMES) -> np.ndarray:
    """Returns the network's input for a frame: uint8 `rule.shape`, as `prepare`.

    The small result is rotated and mirrored: the large picture would take as long as everything else.

    Args:
        frame: as the camera gave it.
        rule: how the network sees pictures.
        view: see `View`.

    Raises:
        BadImage: its JPEG is damaged.
        RegionOutside: the ROI does not lie within the picture.
    """
    if frame.prepared and frame.prepared.rule == rule and view == AS_IT_COMES:
        return frame.prepared.image
    rule_before = view.rule_before_rotation(rule)
    box_of = partial(view.box, rule=rule)
    if frame.jpeg is None:
        image = prepare_box(frame.pixels, box_of(*frame.pixels.shape[:2]), rule_before)
    else:
        part = decode_reduced(frame.jpeg, rule_before, box_of, f"frame {frame.sequence}")
        image = prepare_box(part.pixels, part.box, rule_before, part.scale)
    return view.apply(image)
