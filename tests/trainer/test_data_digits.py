import numpy as np
from edgecls.edge_runtime.image import ImageRule
from edgecls.trainer.data_digits import load_digits
from sklearn.datasets import load_digits as original


def test_at_their_own_size_the_digits_are_the_package_s():
    parts = load_digits(ImageRule(8, 8))
    grey, truth = original(return_X_y=True)
    assert parts.labels == tuple("0123456789")
    assert parts.train.truth.dtype == np.int64
    assert (parts.train.truth == truth).all()
    assert np.abs(parts.train.images[..., 0] - grey.reshape(-1, 8, 8) * 255 / 16).max() <= 0.5
    assert (parts.train.images == parts.train.images[..., :1]).all()  # grey


def test_they_fill_any_size_and_all_brightnesses():
    images = load_digits(ImageRule(32, 32)).train.images
    assert images.shape == (1797, 32, 32, 3)
    assert images.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 255)


def test_a_mirrored_digit_is_another_sign():
    assert not load_digits(ImageRule(8, 8)).mirrored_is_same
