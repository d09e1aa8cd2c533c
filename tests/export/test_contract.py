from dataclasses import replace

import numpy as np
import pytest

from edgecls.edge_runtime.errors import BadModel
from edgecls.export.contract import for_host, scaled, zero_pixel

from .networks import CARD, residual


@pytest.mark.parametrize(
    ("scale", "offset", "zero"),
    [(1 / 255, 0.0, 0), (1.0, 0.0, 0), (2 / 255, -1.0, 128), (1 / 128, -1.0, 128)],
)
def test_a_byte_stands_for_what_the_network_saw_as_0(scale, offset, zero):
    assert zero_pixel(replace(CARD, scale=scale, offset=offset)) == zero


def test_a_range_without_0_is_refused():
    with pytest.raises(BadModel, match="pixels become 1 to 2, and int8 needs a 0 among them; leave out"):
        zero_pixel(replace(CARD, scale=1 / 255, offset=1.0))


def test_images_are_scaled_as_in_training():
    image = np.array([[[0, 51, 255]]], np.uint8)
    given = scaled(image, replace(CARD, scale=2 / 255, offset=-1.0))
    assert given.dtype == np.float32
    np.testing.assert_allclose(given, [[[[-1, -0.6, 1]]]], atol=1e-6)


@pytest.mark.parametrize(("io", "dtype"), [("uint8", "uint8"), ("float32", "float32")])
def test_a_wrapped_network_takes_one_picture(io, dtype):
    wrapped = for_host(residual(), CARD, io)
    assert (wrapped.input.dtype, wrapped.input_shape) == (dtype, (1, 32, 32, 3))
