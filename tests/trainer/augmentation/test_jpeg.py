import numpy as np
import pytest
from edgecls.trainer.augmentation.jpeg import jpeg


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)


def test_four_of_five_images_lose_what_a_jpeg_loses():
    changed = jpeg(noise(400), np.random.default_rng(0))
    is_same = (changed == noise(400)).all(axis=(1, 2, 3))
    assert is_same.mean() == pytest.approx(0.2, abs=0.06)


def test_qualities_differ():
    images = np.repeat(noise(1), 400, axis=0)
    changed = jpeg(images.copy(), np.random.default_rng(0)).astype(float)
    errors = abs(changed - images).mean(axis=(1, 2, 3))
    errors = errors[errors > 0]
    assert len(set(errors.round(3))) > 30
    assert errors.max() > 1.1 * errors.min()


def test_red_stays_red():
    images = np.full((20, 16, 16, 3), (200, 40, 10), np.uint8)
    assert jpeg(images, np.random.default_rng(0)) == pytest.approx(np.full_like(images, (200, 40, 10)), abs=9)


def test_colours_lose_half_their_resolution_and_brightness_does_not():
    """Red and green of the same luma alternate in columns, and so do black and white."""
    coloured = np.zeros((40, 16, 16, 3), np.uint8)
    coloured[:, :, ::2], coloured[:, :, 1::2] = (180, 40, 60), (40, 111, 60)
    grey = np.zeros((40, 16, 16, 3), np.uint8)
    grey[:, :, ::2] = 255

    def kept(images: np.ndarray) -> float:
        changed = jpeg(images.copy(), np.random.default_rng(0)).astype(float)
        changed = changed[(changed != images).any(axis=(1, 2, 3))]
        before = float(images[0, :, ::2, 0].mean()) - float(images[0, :, 1::2, 0].mean())
        return float((changed[:, :, ::2, 0] - changed[:, :, 1::2, 0]).mean()) / before

    assert kept(coloured) < 0.2
    assert kept(grey) > 0.8
