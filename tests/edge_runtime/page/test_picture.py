"""The picture that a browser gets."""

import numpy as np
import pytest
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.image import decode
from edgecls.edge_runtime.opencv import cv2
from edgecls.edge_runtime.page.picture import LARGEST_BYTES, page_jpeg

from ...fakes import picture


def test_a_jpeg_from_the_camera_goes_on_as_it_is():
    content = cv2.imencode(".jpg", picture())[1].tobytes()
    assert page_jpeg(Frame(content, 1, 0.0)) is content


def test_pixels_become_a_jpeg_of_their_size():
    made = decode(page_jpeg(Frame(picture(64, 48, value=200), 1, 0.0)), "page")
    assert made.shape == (48, 64, 3)
    assert made.mean() == pytest.approx(200, abs=2)


@pytest.mark.parametrize("as_jpeg", [True, False])
def test_a_large_picture_is_made_smaller(as_jpeg):
    noise = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8)
    content = cv2.imencode(".jpg", noise)[1].tobytes()
    assert len(content) > LARGEST_BYTES
    made = decode(page_jpeg(Frame(content if as_jpeg else noise, 1, 0.0)), "page")
    assert made.shape == (720, 1280, 3)
