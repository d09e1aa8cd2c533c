import numpy as np
import pytest
from edgecls.trainer.augmentation.blur import blur, motion_kernel


def dots(count: int) -> np.ndarray:
    images = np.zeros((count, 33, 33, 3), np.uint8)
    images[:, 16, 16] = 255
    return images


def test_three_in_ten_images_lose_sharpness_but_no_light():
    blurred = blur(dots(1000), np.random.default_rng(0)).astype(int)
    is_blurred = blurred[:, 16, 16, 0] < 250
    assert is_blurred.mean() == pytest.approx(0.3, abs=0.06)
    assert blurred[is_blurred].sum(axis=(1, 2))[:, 0] == pytest.approx(255, abs=16)  # rounded in each pixel


def test_half_of_them_are_blurred_along_a_line():
    blurred = blur(dots(1000), np.random.default_rng(0)).astype(float)[..., 0]
    blurred = blurred[blurred[:, 16, 16] < 120]  # those where it is plain to see
    offsets = np.stack(np.meshgrid(np.arange(33) - 16.0, np.arange(33) - 16.0))
    covariances = np.einsum("nyx,ayx,byx->nab", blurred, offsets, offsets) / 255
    short, long = np.sqrt(np.linalg.eigvalsh(covariances).clip(0)).T
    assert ((short > 0.9 * long) | (short < 0.75 * long)).mean() > 0.9
    assert 0.2 < (short < 0.75 * long).mean() < 0.8


@pytest.mark.parametrize("path_px", [0.2, 1.0, 3.0, 21.0])
@pytest.mark.parametrize("angle", [0.0, 0.5, 1.57, 3.0])
def test_a_hand_spreads_light_evenly_over_its_path(path_px, angle):
    kernel = motion_kernel(path_px, angle)
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.shape[0] % 2 == 1
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel == pytest.approx(kernel[::-1, ::-1], abs=1e-6)  # and so moves nothing


def test_a_hand_that_moves_to_the_right_leaves_rows_alone():
    kernel = motion_kernel(4.0, 0.0)
    assert np.flatnonzero(kernel.sum(axis=1)).tolist() == [2]
    assert (kernel[2] > 0).all()


def test_blurs_grow_with_the_image():
    def width_px(side_px: int) -> float:
        images = np.zeros((60, side_px, side_px, 3), np.uint8)
        images[:, :, side_px // 2 :] = 200
        edges = blur(images, np.random.default_rng(0))[:, side_px // 2, :, 0]
        return float(((edges > 10) & (edges < 190)).sum(axis=1).mean())

    assert width_px(320) == pytest.approx(10 * width_px(32), rel=0.5)
