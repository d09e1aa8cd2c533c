import numpy as np
import pytest
from edgecls.trainer.augment import augment


def one_dot(count: int, row: int = 8, column: int = 5) -> np.ndarray:
    images = np.zeros((count, 16, 16, 3), np.uint8)
    images[:, row, column] = (10, 20, 30)
    return images


def places(images: np.ndarray) -> set[tuple[int, int]]:
    return {(int(row), int(column)) for _, row, column in np.argwhere(images[..., 0] == 10)}


def test_images_are_shifted_by_at_most_an_eighth_of_the_side_in_all_directions():
    found = places(augment(one_dot(2000), np.random.default_rng(0), mirror=False))
    assert found == {(8 + down, 5 + right) for down in range(-2, 3) for right in range(-2, 3)}


def test_mirroring_turns_every_second_image():
    images = augment(one_dot(2000), np.random.default_rng(0), mirror=True)
    on_the_right = (images[:, :, 8:, 0] == 10).any(axis=(1, 2))
    assert on_the_right.mean() == pytest.approx(0.5, abs=0.05)


def test_colours_stay_in_their_channels_and_images_in_their_places():
    images = np.full((3, 12, 12, 3), (1, 2, 3), np.uint8)
    images[1] += 100
    changed = augment(images, np.random.default_rng(0), mirror=True)
    assert (changed == images).all()  # a flat image stays as it is: the border is repeated, not blackened
    assert changed.dtype == np.uint8
    assert changed.flags.c_contiguous


def test_the_same_generator_gives_the_same_images():
    images = np.random.default_rng(1).integers(0, 256, (8, 10, 14, 3), dtype=np.uint8)
    first, again, other = (augment(images, np.random.default_rng(seed), mirror=True) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


def test_the_data_set_itself_is_not_changed():
    images = one_dot(10)
    augment(images, np.random.default_rng(0), mirror=True)
    assert (images == one_dot(10)).all()
