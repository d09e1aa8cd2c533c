"""A hole in each image (DeVries and Taylor 2017), so that a network does not rely on one part of a thing."""

import numpy as np

from ...edge_runtime.opencv import cv2

SIDE_SHARE = 1 / 4


def cutout(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Fills a square of a quarter of each image's shorter side with the image's mean; see `kinds`.

    Its middle is anywhere in the image, so that a part of it may lie outside.
    """
    count, height_px, width_px, _ = images.shape
    side_px = max(1, round(min(height_px, width_px) * SIDE_SHARE))
    top = random.integers(0, height_px, count) - side_px // 2
    left = random.integers(0, width_px, count) - side_px // 2
    for image, y, x in zip(images, top, left, strict=True):
        mean = np.rint(cv2.mean(image)[:3])
        image[max(0, y) : y + side_px, max(0, x) : x + side_px] = mean
    return images
