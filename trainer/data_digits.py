"""scikit-learn's handwritten digits: 1,797 real images inside the package, so no download."""

import numpy as np

from ..edge_runtime.errors import Unavailable
from ..edge_runtime.image import ImageRule, prepare
from .split import Parts, Split

try:
    from sklearn.datasets import load_digits as load_from_package
except ImportError as error:
    raise Unavailable(f'digits needs scikit-learn ({error}); run `pip install "edgecls[train]"`') from error

_BRIGHTEST = 16


def load_digits(rule: ImageRule) -> Parts:
    """The digits, 8x8 grey, enlarged as any small picture is."""
    grey, truth = map(np.asarray, load_from_package(return_X_y=True))
    pixels = np.round(grey.reshape(-1, 8, 8, 1) * (255 / _BRIGHTEST)).astype(np.uint8)
    images = np.stack([prepare(picture, rule) for picture in np.repeat(pixels, 3, axis=3)])
    split = Split(images, truth.astype(np.int64))
    return Parts(tuple("0123456789"), split, mirrored_is_same=False, alike_is_copy=False)
