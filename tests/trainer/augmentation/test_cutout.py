import numpy as np
from edgecls.trainer.augmentation.cutout import cutout


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
