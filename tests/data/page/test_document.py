import base64

import numpy as np
import pytest

from edgecls.data.page.document import data_uri
from edgecls.edge_runtime.images.opencv import cv2


def decoded(uri: str) -> np.ndarray:
    """Uint8 (H, W, 3) RGB."""
    content = base64.b64decode(uri.partition(",")[2])
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_a_small_image_is_there_pixel_by_pixel():
    image = np.random.default_rng(0).integers(0, 256, (32, 24, 3), np.uint8)
    assert (decoded(data_uri(image)) == image).all()


@pytest.mark.parametrize(("size", "shown"), [((480, 640), (72, 96)), ((2000, 4), (96, 1))])
def test_a_large_one_is_reduced_and_keeps_its_shape(size, shown):
    uri = data_uri(np.full((*size, 3), 90, np.uint8))
    assert decoded(uri).shape[:2] == shown
    assert len(uri) < 5000
