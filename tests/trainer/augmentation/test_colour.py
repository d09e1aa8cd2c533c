import numpy as np
import pytest
from edgecls.trainer.augmentation.colour import colour

COUNT = 1000
LUMA = (0.299, 0.587, 0.114)


def flat(*rgb: int) -> np.ndarray:
    images = np.full((COUNT, 4, 4, 3), rgb, np.uint8)
    return colour(images, np.random.default_rng(0)).astype(float)


def test_brightness_differs_by_up_to_three_tenths():
    green = flat(120, 120, 120)[:, 0, 0, 1]
    assert green.min() == pytest.approx(84, abs=2)
    assert green.max() == pytest.approx(156, abs=2)
    assert green.mean() == pytest.approx(120, abs=3)


def test_white_balance_goes_from_warm_to_cold():
    red, green, blue = flat(120, 120, 120)[:, 0, 0].T
    assert 1.2 < (red / blue).max() < 1.35  # e to 0.2, and contrast adds to it
    assert 1.2 < (blue / red).max() < 1.35
    assert abs(red / 2 + blue / 2 - green).max() < 3


def test_saturation_scales_how_far_a_colour_is_from_its_grey():
    red, green, blue = flat(120, 80, 120)[:, 0, 0].T
    scales = (red / 2 + blue / 2 - green) / (np.array(LUMA) @ (red, green, blue)) / (40 / 96.5)
    assert 0.35 < scales.min() < 0.55  # 0.6, times the 0.7 of contrast
    assert 1.6 < scales.max() < 1.95


def test_contrast_is_scaled_about_the_mean():
    images = np.zeros((COUNT, 8, 8, 3), np.uint8)
    images[:, :4], images[:, 4:] = 60, 140
    changed = colour(images, np.random.default_rng(0)).astype(float)
    green = changed[..., 1]
    spread = (green[:, 7, 0] - green[:, 0, 0]) / green.mean(axis=(1, 2)) / (80 / 100)
    assert spread.min() == pytest.approx(0.7, abs=0.04)
    assert spread.max() == pytest.approx(1.3, abs=0.04)


def test_what_is_too_bright_is_white_and_does_not_wrap_round():
    images = np.full((COUNT, 8, 8, 3), 255, np.uint8)
    images[:, :4] = 0
    changed = colour(images, np.random.default_rng(0)).astype(float)
    assert (changed[:, 7, 0].mean(axis=1) - changed[:, 0, 0].mean(axis=1)).min() > 100
