"""Stillness: which frames of a scene without motion need not be classified (`--skip-still`)."""

import numpy as np

from ..images.opencv import cv2

GRID = 8
"""The network's input is averaged over GRID x GRID blocks before it is compared: that removes noise, and
keeps motion."""
MIN_DIFFERENCE = 8
"""A difference of this much, of 255, in one channel of one block is motion.

Measured on photographs with noise of standard deviation s added to each pixel, then JPEG of quality 60. The
largest difference of 180 pairs without motion, s = 10 / 20 / 40: at 160x120 6 / 10 / 15, at 320x240 4 / 4 /
9, at 640x480 2 / 2 / 4; for light that flickers by 2 percent, 6. An object that appears at 640x480 (s = 5),
40 levels brighter or darker, is seen in 68 of 100 cases at 30 pixels a side, in 96 at 40; a turn of the
camera from 4 to 8 pixels on.
"""
SETTLE_S = 1.0
"""After motion every frame is classified for this time: smoothing and `--hold` come to an end, and motion in
steps is not missed between them."""
MAX_STILL_S = 1.0
"""A still scene is classified this often all the same, for drifts that the comparison misses, and so that
displays stay alive."""


class Stillness:
    """Finds frames without motion since the last classified one, whose answer still holds."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._classified_s = self._moved_s = 0.0

    def is_still(self, image: np.ndarray, time_s: float) -> bool:
        """Whether `image` need not be classified; if False, it counts as classified.

        Args:
            image: the network's input, uint8 (H, W, 3).
            time_s: when it was captured, monotonic seconds.
        """
        blocks = cv2.resize(image, (GRID, GRID), interpolation=cv2.INTER_AREA)
        moved = self._last is None or cv2.norm(blocks, self._last, cv2.NORM_INF) >= MIN_DIFFERENCE
        if moved:
            self._moved_s = time_s
        elif time_s - self._moved_s >= SETTLE_S and time_s - self._classified_s < MAX_STILL_S:
            return True
        self._last, self._classified_s = blocks, time_s
        return False
