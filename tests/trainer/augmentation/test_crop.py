import numpy as np
import pytest
from edgecls.trainer.augmentation.crop import crop

SIDE_PX = 40


def slopes(count: int) -> np.ndarray:
    """Images whose red says the column, and whose green the row."""
    images = np.zeros((count, SIDE_PX, SIDE_PX, 3), np.uint8)
    images[..., 0] = np.arange(SIDE_PX) * 4
    images[..., 1] = np.arange(SIDE_PX)[:, None] * 4
    return images


def test_each_image_shows_70_to_100_percent_of_its_sides_of_the_same_shape():
    cropped = crop(slopes(500), np.random.default_rng(0)).astype(int)
    wide = (cropped[:, 20, -5, 0] - cropped[:, 20, 4, 0]) / 4 / (SIDE_PX - 9)
    high = (cropped[:, -5, 20, 1] - cropped[:, 4, 20, 1]) / 4 / (SIDE_PX - 9)
    assert wide.min() == pytest.approx(0.7, abs=0.02)
    assert wide.max() == pytest.approx(1.0, abs=0.02)
    assert wide == pytest.approx(high, abs=0.02)


def test_the_part_may_lie_anywhere():
    cropped = crop(slopes(500), np.random.default_rng(0)).astype(int) / 4
    assert cropped[:, 20, 0, 0].min() <= 0.5
    assert cropped[:, 20, -1, 0].max() >= SIDE_PX - 1.5
    assert cropped[:, 20, 0, 0].max() >= 11
