import numpy as np
import pytest

from edgecls.edge_runtime.errors import UsageError
from edgecls.trainer.augmentation import (
    KINDS,
    augment,
    blur,
    colour,
    crop,
    cutout,
    flip,
    jpeg,
    motion_kernel,
    parse_kinds,
    shift,
)


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


def checks(count: int, height_px: int = 16, width_px: int = 24) -> np.ndarray:
    """0 and 200 in turn, so that no pixel has the image's mean of 100."""
    rows, columns = np.indices((height_px, width_px))
    images = np.zeros((count, height_px, width_px, 3), np.uint8)
    images[:] = ((rows + columns) % 2 * 200)[..., None]
    return images


def test_a_square_of_a_quarter_of_the_shorter_side_gets_the_mean():
    holes = (cutout(checks(1000), np.random.default_rng(0)) == 100).all(axis=-1)
    assert holes.sum(axis=(1, 2)).max() == 4 * 4
    assert (holes.sum(axis=(1, 2)) >= 2 * 2).all()  # at a corner, a part lies outside
    assert holes.any(axis=2).sum(axis=1).max() == 4
    assert holes.any(axis=1).sum(axis=1).max() == 4


def test_the_hole_may_be_anywhere_and_nothing_else_changes():
    changed = cutout(checks(2000), np.random.default_rng(0))
    holes = (changed == 100).all(axis=-1)
    assert holes.any(axis=0).all()
    assert (changed[~holes] == checks(2000)[~holes]).all()


def test_half_of_the_images_are_mirrored_and_the_others_left_alone():
    images = np.random.default_rng(1).integers(0, 256, (2000, 6, 9, 3), dtype=np.uint8)
    flipped = flip(images.copy(), np.random.default_rng(0))
    mirrored = (flipped == images[:, :, ::-1]).all(axis=(1, 2, 3))
    left_alone = (flipped == images).all(axis=(1, 2, 3))
    assert (mirrored ^ left_alone).all()
    assert mirrored.mean() == pytest.approx(0.5, abs=0.05)


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


EVERYTHING = [(kind,) for kind in KINDS] + [KINDS]


def noise_of_kinds(count: int, height_px: int = 20, width_px: int = 28) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, height_px, width_px, 3), dtype=np.uint8)


@pytest.mark.parametrize("kinds", EVERYTHING, ids="-".join)
def test_the_same_generator_gives_the_same_images_and_another_one_others(kinds):
    first, again, other = (
        augment(noise_of_kinds(40), np.random.default_rng(seed), kinds) for seed in (3, 3, 4)
    )
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("kinds", EVERYTHING, ids="-".join)
def test_the_data_set_itself_is_not_changed(kinds):
    images = noise_of_kinds(40)
    changed = augment(images, np.random.default_rng(0), kinds)
    assert (images == noise_of_kinds(40)).all()
    assert (changed != images).any()


@pytest.mark.parametrize("kinds", EVERYTHING, ids="-".join)
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (9, 31), (224, 160), (700, 600)])
def test_images_of_any_size_and_number_stay_uint8_of_that_size(kinds, size):
    for count in (0, 1, 3):
        changed = augment(noise_of_kinds(count, *size), np.random.default_rng(0), kinds)
        assert changed.shape == (count, *size, 3)
        assert changed.dtype == np.uint8
        assert changed.flags.c_contiguous


@pytest.mark.parametrize("kinds", EVERYTHING, ids="-".join)
def test_each_image_stays_in_its_place_whatever_others_there_are(kinds):
    shades = np.linspace(40, 200, 300).astype(np.uint8)
    images = np.broadcast_to(shades[:, None, None, None], (300, 64, 64, 3))  # more than are changed at a time
    changed = augment(images, np.random.default_rng(0), kinds).mean(axis=(1, 2, 3))
    assert np.corrcoef(changed, shades)[0, 1] > 0.8


def test_images_that_may_not_be_mirrored_are_not_flipped():
    images = noise_of_kinds(40)
    assert (augment(images, np.random.default_rng(0), ("flip",), mirrored_is_same=False) == images).all()


def test_nothing_chosen_changes_nothing_but_gives_an_array_of_its_own():
    images = noise_of_kinds(4)
    changed = augment(images, np.random.default_rng(0), ())
    assert (changed == images).all()
    assert not np.shares_memory(changed, images)


def test_the_order_in_which_kinds_are_named_does_not_matter():
    one, other = (
        augment(noise_of_kinds(40), np.random.default_rng(0), kinds)
        for kinds in (("jpeg", "flip"), ("flip", "jpeg"))
    )
    assert (one == other).all()


def test_jpeg_comes_first_so_that_its_blocks_begin_where_those_of_a_jpeg_data_set_do():
    changed = augment(noise_of_kinds(40), np.random.default_rng(0), ("shift", "jpeg"))
    same_choices = np.random.default_rng(0)
    assert (changed == shift(jpeg(noise_of_kinds(40), same_choices), same_choices)).all()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("all", KINDS),
        ("none", ()),
        ("flip,shift", ("flip", "shift")),
        ("cutout, flip,flip", ("flip", "cutout")),
        ("flip,shift,crop,cutout,colour,jpeg,blur,noise", KINDS),
    ],
)
def test_kinds_are_read_each_once_and_in_the_order_in_which_they_are_applied(text, kinds):
    assert parse_kinds(text) == kinds


@pytest.mark.parametrize(
    ("text", "name"), [("flip,zoom", "zoom"), ("", ""), ("flip,all", "all"), ("flip,", "")]
)
def test_an_unknown_kind_is_named_and_the_known_ones_are_listed(text, name):
    with pytest.raises(UsageError) as error:
        parse_kinds(text)
    assert str(error.value) == (
        f"--augment {name}: no such kind; use jpeg,flip,shift,crop,blur,colour,noise,cutout, all or none"
    )


def test_images_are_moved_by_at_most_an_eighth_of_the_side_in_all_directions():
    images = np.zeros((2000, 16, 24, 3), np.uint8)
    images[:, 8, 5] = (10, 20, 30)
    shifted = shift(images, np.random.default_rng(0))
    places = {(int(row), int(column)) for _, row, column in np.argwhere(shifted[..., 0] == 10)}
    assert places == {(8 + down, 5 + right) for down in range(-2, 3) for right in range(-3, 4)}


def test_the_border_is_repeated_and_colours_stay_in_their_channels():
    images = np.full((50, 12, 12, 3), (1, 2, 3), np.uint8)
    assert (shift(images, np.random.default_rng(0)) == (1, 2, 3)).all()


def test_what_is_moved_is_otherwise_the_same():
    image = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="edge")
    all_moves = {padded[y : y + 16, x : x + 16].tobytes() for y in range(5) for x in range(5)}
    shifted = shift(np.stack([image] * 500), np.random.default_rng(0))
    assert {moved.tobytes() for moved in shifted} == all_moves
