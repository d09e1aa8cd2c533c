import numpy as np
import pytest

from edgecls.benchmarks.corruptions.corrupt import (
    CORRUPTIONS,
    add_noise,
    blur,
    brighten,
    corrupt,
    jpeg,
    scale_contrast,
)

BY_NAME = {corruption.name: corruption for corruption in CORRUPTIONS}
every = pytest.mark.parametrize("corruption", CORRUPTIONS, ids=list(BY_NAME))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """300 pictures of 32x32 px: soft shapes, as photographs have, in every colour; more than one chunk."""
    random = np.random.default_rng(1)
    coarse = random.integers(0, 256, (300, 4, 4, 3)).astype(np.uint8)
    return blur(coarse.repeat(8, axis=1).repeat(8, axis=2), 2.0)


def flat(*colour: int) -> np.ndarray:
    return np.full((1, 32, 32, 3), colour, np.uint8)


def damage(images: np.ndarray, corruption, value: float) -> float:
    return float(np.abs(corrupt(images, corruption, value).astype(int) - images).mean())


@every
def test_each_level_is_worse_than_the_one_before(corruption, images):
    damages = [damage(images, corruption, value) for value in corruption.values(32, 32)]
    assert damages == sorted(damages)
    assert damages[0] < damages[-1] / 2


@every
def test_the_same_images_are_always_spoiled_alike_and_stay_as_they_were(corruption, images):
    before = images.copy()
    value = corruption.levels[2]
    once = corrupt(images, corruption, value)
    assert once.dtype == np.uint8
    assert once.shape == images.shape
    assert np.array_equal(once, corrupt(images, corruption, value))
    assert np.array_equal(images, before)
    assert np.array_equal(corrupt(images[:20], corruption, value), once[:20])


@every
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_colours_stay_in_their_channels(corruption, channel):
    colour = [60, 60, 60]
    colour[channel] = 200
    spoiled = corrupt(flat(*colour), corruption, corruption.levels[-1])
    assert spoiled.mean(axis=(0, 1, 2)).argmax() == channel


def test_a_jpeg_of_quality_100_keeps_greys_and_flat_colours(images):
    assert damage(images[..., :1].repeat(3, axis=-1), BY_NAME["jpeg"], 100) < 0.5
    assert np.abs(jpeg(flat(10, 200, 90), 100).astype(int) - (10, 200, 90)).max() <= 2


def test_a_blur_spreads_a_point_by_its_sigma():
    point = np.zeros((1, 31, 31, 3), np.uint8)
    point[0, 15, 15] = 255
    row = blur(point, 1.5).astype(float)[0, :, :, 0].sum(axis=0)
    places = np.arange(31) - 15
    assert np.sqrt((row * places**2).sum() / row.sum()) == pytest.approx(1.5, abs=0.1)


def test_a_blur_grows_with_the_image_and_nothing_else_does():
    grown = {name for name, c in BY_NAME.items() if c.values(96, 128) != c.values(32, 32)}
    assert grown == {"blur"}
    assert BY_NAME["blur"].values(96, 128)[-1] == 3 * BY_NAME["blur"].values(32, 32)[-1]


def test_noise_has_its_standard_deviation():
    noisy = add_noise(flat(128, 128, 128), 20.4, np.random.default_rng(0))
    assert noisy.std() == pytest.approx(20.4, rel=0.05)


def test_noise_is_the_same_pattern_at_each_level():
    mild, severe = (corrupt(flat(128, 128, 128), BY_NAME["noise"], std).astype(int) for std in (10, 20))
    assert np.corrcoef(mild.ravel() - 128, severe.ravel() - 128)[0, 1] > 0.99


def test_darkening_takes_off_the_brightest_channel_and_keeps_the_hue():
    assert brighten(flat(200, 100, 50), -20)[0, 0, 0].tolist() == [149, 74, 37]  # 51 of 255 less
    assert brighten(flat(40, 20, 0), -20)[0, 0, 0].tolist() == [0, 0, 0]


def test_brightening_makes_black_grey():
    assert brighten(flat(0, 0, 0), 20)[0, 0, 0].tolist() == [51, 51, 51]


def test_contrast_moves_towards_the_mean_of_each_channel():
    halves = np.concatenate([flat(200, 100, 0), flat(100, 0, 0)], axis=1)
    low = scale_contrast(halves, 0.5)
    assert low[0, 0, 0].tolist() == [175, 75, 0]
    assert low[0, -1, 0].tolist() == [125, 25, 0]


def test_a_level_names_its_parameter_and_unit():
    assert [c.describe(c.levels[0]) for c in CORRUPTIONS] == [
        "JPEG, quality 100",
        "blur, sigma 0.4 px",
        "noise, std 10.2 of 255",
        "brightness, shift -5 %",
        "contrast, factor 0.75",
    ]
