import numpy as np
import pytest

from edgecls.trainer.augmentation import noise


def grey(count: int, value: int = 128) -> np.ndarray:
    return np.full((count, 32, 32, 3), value, np.uint8)


def test_three_in_ten_images_get_noise_of_any_strength_up_to_20_of_255_and_keep_their_mean():
    changed = noise(grey(2000), np.random.default_rng(0)).astype(float)
    std = changed.std(axis=(1, 2, 3))
    is_noisy = std > 0
    assert is_noisy.mean() == pytest.approx(0.3, abs=0.04)
    assert np.histogram(std[is_noisy], 4, (0, 21))[0].min() > 100
    assert std.max() < 21
    assert changed[is_noisy].mean(axis=(1, 2, 3)) == pytest.approx(128, abs=2)


def test_neither_pixels_nor_channels_share_it():
    changed = noise(grey(200), np.random.default_rng(0)).astype(float) - 128
    noisy = changed[changed.std(axis=(1, 2, 3)) > 10].reshape(-1, 32, 32, 3)
    red, green, blue = np.moveaxis(noisy, -1, 0)
    for one, other in (
        (red, green),
        (green, blue),
        (red[:, 1:], red[:, :-1]),
        (red[:, :, 1:], red[:, :, :-1]),
    ):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.03


@pytest.mark.parametrize("edge", [0, 255])
def test_black_and_white_are_ends_and_not_passed(edge):
    changed = noise(grey(100, edge), np.random.default_rng(0)).astype(int)
    assert abs(changed - edge).max() < 128
