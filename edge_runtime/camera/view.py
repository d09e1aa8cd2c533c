"""What the network sees of a frame."""

import numpy as np

from ..image import ImageRule, prepare
from .frame import Frame


def network_input(frame: Frame, rule: ImageRule) -> np.ndarray:
    """The frame as the network's input, uint8 (rule.height_px, rule.width_px, 3) RGB.

    Raises:
        BadImage: its JPEG is damaged.
    """
    return prepare(frame.pixels, rule)
