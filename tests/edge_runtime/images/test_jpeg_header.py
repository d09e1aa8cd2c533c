"""The header of a JPEG, read without decoding it."""

import subprocess
import sys

import numpy as np
import pytest

from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.jpeg_header import is_whole, size_px
from edgecls.edge_runtime.images.opencv import cv2
from tests.edge_runtime.images.pictures import encoded, scene, with_exif


@pytest.mark.parametrize("size", [(640, 480), (641, 479), (1, 1), (3000, 17)])
@pytest.mark.parametrize(
    "options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)]
)
def test_the_size_stands_in_the_header(size, options):
    content = encoded(scene(*size), *options)
    assert size_px(content) == size
    assert is_whole(content)


def test_a_grey_jpeg_has_a_size_too():
    assert size_px(encoded(scene(64, 48)[..., 0])) == (64, 48)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_picture_as_it_is_decoded(orientation, order):
    content = with_exif(scene(64, 48), orientation, order)
    height_px, width_px = decode(content, "phone").shape[:2]
    assert size_px(content) == (width_px, height_px)


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff", b"hello", b"\x89PNG\r\n", b"\xff" * 99]
)
def test_what_is_no_jpeg_has_no_size_and_is_not_whole(content):
    assert size_px(content) is None
    assert not is_whole(content)


def test_a_header_cut_anywhere_or_with_flipped_bits_does_no_harm():
    content = with_exif(scene(64, 48), 6)
    for length in range(0, len(content) - 2, 7):
        size_px(content[:length])
        assert not is_whole(content[:length])
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        size_px(bytes(damaged))
        is_whole(bytes(damaged))


def test_the_end_marker_of_a_thumbnail_is_not_that_of_the_picture():
    content = with_exif(scene(640, 480), 1)
    assert content.find(b"\xff\xd9") < len(content) // 2
    assert not is_whole(content[: len(content) // 2])


def test_padding_behind_the_end_does_no_harm():
    assert is_whole(encoded(scene(64, 48)) + bytes(5000))


def test_looking_at_a_jpeg_loads_neither_opencv_nor_numpy():
    program = "import sys, edgecls.edge_runtime.images.jpeg_header; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"cv2", "numpy"} & set(done.stdout.split())
