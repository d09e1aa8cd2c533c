"""Brightness, contrast, saturation and white balance, as they differ between cameras and hours."""

import numpy as np

from ...edge_runtime.opencv import cv2

_BRIGHTNESS = (0.7, 1.3)
_CONTRAST = (0.7, 1.3)
_SATURATION = (0.6, 1.4)
"""Factors; 1 changes nothing."""
_WARMTH = (-0.1, 0.1)
"""Of white balance: red is multiplied by e to this, blue divided by it. The light of a bulb under a camera
set for the day would be about 0.4; cameras correct most of it."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""How bright red, green and blue look (ITU-R BT.601)."""


def colour(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Changes each image's colours by one matrix; see `kinds`."""
    count = len(images)
    brightness, contrast, saturation, warmth = (
        random.uniform(*limits, (count, 1, 1)).astype(np.float32)
        for limits in (_BRIGHTNESS, _CONTRAST, _SATURATION, _WARMTH)
    )
    # The grey of a pixel, and its colour as the difference from that: only the latter is scaled.
    matrices = saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * _LUMA
    matrices = brightness * np.exp(warmth * [[1], [0], [-1]]) * matrices  # (N, 3, 3)
    means = matrices @ np.array([cv2.mean(image)[:3] for image in images])[..., np.newaxis]
    # Contrast is scaled about the mean luma, which stays.
    offsets = np.repeat((1 - contrast) * (_LUMA @ means)[..., np.newaxis], 3, axis=1)
    transforms = np.concatenate([contrast * matrices, offsets], axis=2)
    for image, transform in zip(images, transforms, strict=True):
        cv2.transform(image, transform, dst=image)
    return images
