"""Whether anything moved since the last frame that was classified: if not, its answer still holds."""

import numpy as np

from ..opencv import cv2

GRID = 8
"""The network's input is averaged over GRID x GRID blocks before it is compared: noise goes, motion stays."""
MOVED = 8
"""Of 255, in one channel of one block: from here on something moved.

Tried on photographs with noise of standard deviation s added to each pixel, then a JPEG of quality 60. The
largest difference of 180 still pairs, s = 10 / 20 / 40: at 160x120 6 / 10 / 15, at 320x240 4 / 4 / 9, at
640x480 2 / 2 / 4; of light that flickers by 2 percent, 6. What appears at 640x480 (s = 5) and is 40 levels
brighter or darker is seen in 68 of 100 cases at 30 pixels a side, in 96 at 40; a camera that turns, from 4 to
8 pixels on.
"""
SETTLE_S = 1.0
"""After motion every frame is classified for so long: smoothing and `--hold` come to an end, and something
that moves in steps is not missed between them."""
LONGEST_S = 1.0
"""A still scene is classified so often all the same: a drift too slow for the comparison is seen, and what
shows the answers stays alive."""


class Stillness:
    """Remembers what was classified last."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._classified_s = self._moved_s = 0.0

    def is_still(self, image: np.ndarray, time_s: float) -> bool:
        """Whether the network need not see `image`; otherwise it counts as classified.

        Args:
            image: the network's input, uint8 (H, W, 3).
            time_s: when it was taken, monotonic.
        """
        blocks = cv2.resize(image, (GRID, GRID), interpolation=cv2.INTER_AREA)
        moved = self._last is None or cv2.norm(blocks, self._last, cv2.NORM_INF) >= MOVED
        if moved:
            self._moved_s = time_s
        elif time_s - self._moved_s >= SETTLE_S and time_s - self._classified_s < LONGEST_S:
            return True
        self._last, self._classified_s = blocks, time_s
        return False
