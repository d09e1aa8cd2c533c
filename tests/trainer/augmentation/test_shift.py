import numpy as np
from edgecls.trainer.augmentation.shift import shift


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
