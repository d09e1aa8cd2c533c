"""Frame: pixels, JPEG, size and time."""

import numpy as np
import pytest

from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.errors import BadImage
from edgecls.edge_runtime.images.opencv import cv2
from tests.fakes import picture

JPEG = cv2.imencode(".jpg", picture(64, 48))[1].tobytes()


def test_a_frame_of_pixels_is_those_pixels():
    pixels = picture(64, 48)
    frame = Frame(pixels, 1, 0.0)
    assert frame.pixels is pixels
    assert frame.jpeg is None
    assert frame.size_px == (64, 48)


def test_a_jpeg_tells_its_size_without_being_decoded():
    frame = Frame(JPEG, 1, 0.0)
    assert frame.jpeg == JPEG
    assert frame.size_px == (64, 48)
    assert "pixels" not in vars(frame)


def test_a_jpeg_is_decoded_once_when_its_pixels_are_asked_for():
    frame = Frame(JPEG, 1, 0.0)
    assert frame.pixels.shape == (48, 64, 3)
    assert frame.pixels is frame.pixels


def test_a_damaged_jpeg_names_its_frame():
    with pytest.raises(BadImage, match=r"^frame 7: the JPEG is truncated"):
        _ = Frame(JPEG[:-100], 7, 0.0).pixels


def test_a_frame_that_is_turned_to_be_seen_is_not_the_jpeg_it_came_in():
    frame = Frame(JPEG, 1, 0.0, transform=np.rot90)
    assert frame.jpeg is None
    assert frame.size_px == (48, 64)
    assert frame.pixels.shape == (64, 48, 3)


def test_time_is_that_of_the_video_or_of_the_capture():
    assert Frame(picture(), 1, 5.0).time_s == 5.0
    assert Frame(picture(), 1, 5.0, position_s=0.5).time_s == 0.5
