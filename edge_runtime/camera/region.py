"""Region of interest (ROI): the part of a picture that is classified, also where pictures become smaller."""

import re
from dataclasses import dataclass, replace

from ..errors import UsageError
from ..images.rule import Box
from .event import Event, OnEvent

_NUMBER = re.compile(r"\d+(\.\d+)?|\.\d+")
_ROI_FORM = (
    "write x,y,w,h in pixels, such as 160,0,320,480, or as fractions of the picture's sides, "
    "such as 0.25,0.0,0.5,1.0"
)


@dataclass(frozen=True)
class Roi:
    """Region of interest: the rectangle that is classified, in the picture after rotation and mirroring."""

    left: float
    top: float
    width: float
    height: float
    is_relative: bool
    """Fractions of width and height, 0 to 1, which hold for any resolution; otherwise pixels."""

    def __str__(self) -> str:
        return f"{self.left:g},{self.top:g},{self.width:g},{self.height:g}"

    def box(self, height_px: int, width_px: int) -> Box:
        """Returns the region in a picture of this size.

        Raises:
            RegionOutside: it does not lie within the picture.
        """
        scale_x, scale_y = (width_px, height_px) if self.is_relative else (1, 1)
        left_px, right_px = round(self.left * scale_x), round((self.left + self.width) * scale_x)
        top_px, bottom_px = round(self.top * scale_y), round((self.top + self.height) * scale_y)
        if right_px > width_px or bottom_px > height_px:
            raise RegionOutside(self, width_px, height_px)
        left_px, top_px = min(left_px, width_px - 1), min(top_px, height_px - 1)
        return Box(top_px, left_px, max(1, bottom_px - top_px), max(1, right_px - left_px))

    def clipped(self, width_px: int, height_px: int) -> "Roi | None":
        """Returns the part of a region in pixels that lies within a picture; None where none of it does."""
        width, height = width_px - self.left, height_px - self.top
        if width < 1 or height < 1:
            return None
        return replace(self, width=min(self.width, width), height=min(self.height, height))


class RegionOutside(UsageError):
    """A region in pixels does not lie within the picture, which may be a smaller one than before."""

    def __init__(self, roi: Roi, width_px: int, height_px: int) -> None:
        self.picture = f"{width_px}x{height_px}"
        super().__init__(f"--roi {roi}: outside the picture of {self.picture} pixels; {_ROI_FORM}")
        self.clipped = roi.clipped(width_px, height_px)


class RegionWatch:
    """Reports, once each, that a region does not fit the picture any more, and that it does again."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._picture = ""

    def note_outside(self, roi: Roi, error: RegionOutside) -> None:
        """Notes a frame whose picture is too small for `roi`."""
        if error.picture == self._picture:
            return
        self._picture = error.picture
        if error.clipped:
            what = f"classifying what there is of it, {error.clipped}"
        else:
            what = "none of it is there, so frames are left out"
        facts = {"roi": str(roi), "classified": str(error.clipped) if error.clipped else None}
        text = f"--roi {roi} does not fit the picture of {error.picture}; {what}"
        self._on_event(Event("resolution", text, facts=facts))

    def note_inside(self, roi: Roi) -> None:
        """Notes a frame whose picture holds all of `roi`."""
        if self._picture:
            self._picture = ""
            facts = {"roi": str(roi), "classified": str(roi)}
            self._on_event(Event("resolution", f"--roi {roi} fits the picture again", facts=facts))


def parse_roi(text: str) -> Roi:
    """Parses `x,y,w,h`: pixels if all four are whole numbers, fractions if one has a decimal point.

    Raises:
        UsageError: not four numbers, an empty region, or fractions that do not lie within the picture.
    """
    numbers = [number.strip() for number in text.split(",")]
    if len(numbers) != 4 or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise UsageError(f"--roi {text}: not a region; {_ROI_FORM}")
    left, top, width, height = map(float, numbers)
    is_relative = "." in text
    if not width or not height:
        raise UsageError(f"--roi {text}: an empty region; {_ROI_FORM}")
    if is_relative and (left + width > 1 + 1e-9 or top + height > 1 + 1e-9):
        raise UsageError(f"--roi {text}: outside the picture; {_ROI_FORM}")
    return Roi(left, top, width, height, is_relative)
