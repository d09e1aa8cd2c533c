"""The region of the picture that is classified: `--roi x,y,w,h`."""

import re
from dataclasses import dataclass

from ..errors import UsageError
from ..image import Box

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
