"""Half of the images, mirrored: most things look as natural from the other side."""

import numpy as np

from ...edge_runtime.opencv import cv2

_SHARE = 1 / 2


def flip(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Mirrors half of the images left to right; see `kinds`."""
    count, height_px, width_px, channels = images.shape
    chosen = np.flatnonzero(random.random(count) < _SHARE)
    if len(chosen):
        # As one tall image: OpenCV turns rows far faster than numpy, and is called once.
        tall = images[chosen].reshape(len(chosen) * height_px, width_px, channels)
        images[chosen] = cv2.flip(tall, 1).reshape(len(chosen), height_px, width_px, channels)
    return images
