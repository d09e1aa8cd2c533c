import numpy as np
import pytest
from edgecls.trainer.augmentation.flip import flip


def test_half_of_the_images_are_mirrored_and_the_others_left_alone():
    images = np.random.default_rng(1).integers(0, 256, (2000, 6, 9, 3), dtype=np.uint8)
    flipped = flip(images.copy(), np.random.default_rng(0))
    mirrored = (flipped == images[:, :, ::-1]).all(axis=(1, 2, 3))
    left_alone = (flipped == images).all(axis=(1, 2, 3))
    assert (mirrored ^ left_alone).all()
    assert mirrored.mean() == pytest.approx(0.5, abs=0.05)
