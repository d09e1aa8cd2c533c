"""Some of the images, less sharp: a lens out of focus, or a moving hand."""

import math

import numpy as np

from ...edge_runtime.opencv import cv2

_SHARE = 0.3
_SIGMA_SHARES = (0.3 / 32, 1 / 32)
"""A lens's Gaussian, as a share of the shorter side."""
_PATH_SHARES = (1 / 32, 3 / 32)
"""How far a hand moves, as a share of the shorter side."""
_SIGMAS = 3
"""Where a kernel ends."""


def blur(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blurs 3 in 10 images, every second of them along a line; see `kinds`."""
    side_px = min(images.shape[1:3])
    count = len(images)
    is_chosen, moves = random.random(count) < _SHARE, random.random(count) < 0.5
    sigma_px = random.uniform(*_SIGMA_SHARES, count) * side_px
    path_px = random.uniform(*_PATH_SHARES, count) * side_px
    angle = random.uniform(0, math.pi, count)
    for place in np.flatnonzero(is_chosen):
        image = images[place]
        if moves[place]:
            kernel = motion_kernel(path_px[place], angle[place])
            images[place] = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        else:
            size_px = 2 * math.ceil(_SIGMAS * sigma_px[place]) + 1
            images[place] = cv2.GaussianBlur(
                image, (size_px, size_px), sigma_px[place], borderType=cv2.BORDER_REPLICATE
            )
    return images


def motion_kernel(path_px: float, angle: float) -> np.ndarray:
    """What a point becomes that moves evenly along a line: float32 (n, n), n odd, summing to 1."""
    reach = math.ceil(path_px / 2)
    steps = np.linspace(-path_px / 2, path_px / 2, 4 * reach + 1)
    y, x = reach + steps * math.sin(angle), reach + steps * math.cos(angle)
    places = np.arange(2 * reach + 1)
    # Each step's light falls on the four pixels around it.
    in_rows = np.maximum(0, 1 - abs(places[:, np.newaxis] - y))
    in_columns = np.maximum(0, 1 - abs(places[:, np.newaxis] - x))
    kernel = in_rows @ in_columns.T
    return (kernel / kernel.sum()).astype(np.float32)
