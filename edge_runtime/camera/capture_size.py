"""How large a camera's pictures need to be: each doubling of the sides costs four times the time."""

import re

from ..errors import UsageError
from ..image import ImageRule

SIDES = 4
"""Times the network's input: the crop and the averaging over whole blocks need something to work on."""
WATCHED_PX = (640, 480)
"""For a person."""


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) in pixels of a text such as `640x480`.

    Raises:
        UsageError: it is none.
    """
    parts = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text.strip().lower())
    if not parts:
        raise UsageError(f"--size {text}: not a size; write WIDTHxHEIGHT, such as 640x480")
    return int(parts[1]), int(parts[2])


def least_size_px(rule: ImageRule, *, is_watched: bool) -> tuple[int, int]:
    """The smallest (width, height) to ask a camera for.

    Args:
        rule: says how large the network's input is.
        is_watched: whether somebody looks at the pictures, or will.
    """
    width_px, height_px = SIDES * rule.width_px, SIDES * rule.height_px
    return (
        (max(width_px, WATCHED_PX[0]), max(height_px, WATCHED_PX[1])) if is_watched else (width_px, height_px)
    )
