"""Changes training images in ways that keep their label, so that a network sees more than there are."""

import numpy as np

SHIFT_SHARE = 1 / 8
"""The largest shift as a share of the side: 4 pixels of 32, as is usual for CIFAR-10."""


def augment(images: np.ndarray, random: np.random.Generator, mirror: bool) -> np.ndarray:
    """Shifts each image by a few pixels, repeating its border, and mirrors every second one if `mirror`.

    Args:
        images: uint8 (N, H, W, 3).
        random: where the choices come from.
        mirror: False where a mirrored image would be of another class, such as a digit.

    Returns:
        uint8 (N, H, W, 3), a copy.
    """
    count, height_px, width_px, _ = images.shape
    down_px, right_px = round(height_px * SHIFT_SHARE), round(width_px * SHIFT_SHARE)
    padded = np.pad(images, ((0, 0), (down_px, down_px), (right_px, right_px), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height_px, width_px), axis=(1, 2))
    top = random.integers(0, 2 * down_px + 1, count)
    left = random.integers(0, 2 * right_px + 1, count)
    shifted = windows[np.arange(count), top, left]  # (N, 3, H, W)
    shifted = np.ascontiguousarray(shifted.transpose(0, 2, 3, 1))
    if mirror:
        chosen = random.random(count) < 0.5
        shifted[chosen] = shifted[chosen, :, ::-1]
    return shifted
