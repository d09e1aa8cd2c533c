"""Images seen from nearer: a part of each, enlarged to the whole."""

import numpy as np

from ...edge_runtime.opencv import cv2

LEAST_SHARE = 0.7
"""Of each side: nearer than that, things are too often cut off."""


def crop(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Enlarges a box of 70 to 100 % of each image's sides, anywhere in it, to the whole; see `kinds`."""
    count, height_px, width_px, _ = images.shape
    share = random.uniform(LEAST_SHARE, 1, count)
    box_height_px = np.rint(height_px * share).astype(int)
    box_width_px = np.rint(width_px * share).astype(int)
    top = random.integers(0, height_px - box_height_px + 1)
    left = random.integers(0, width_px - box_width_px + 1)
    for image, y, x, high, wide in zip(images, top, left, box_height_px, box_width_px, strict=True):
        part = image[y : y + high, x : x + wide].copy()  # it would be overwritten while it is read
        # Cubic, as linear interpolation would blur every image of the training.
        cv2.resize(part, (width_px, height_px), dst=image, interpolation=cv2.INTER_CUBIC)
    return images
