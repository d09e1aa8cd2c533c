import numpy as np
import pytest
from edgecls.edge_runtime.byte_table import byte_table


def test_bytes_go_in_unchanged_where_the_inputs_own_scale_is_the_networks():
    assert byte_table(np.uint8, 1 / 255, 0, 1 / 255, 0) is None


def test_a_scale_that_is_off_by_rounding_still_takes_bytes_unchanged():
    assert byte_table(np.uint8, 1 / 255, 0, 0.003921568859368563, 0) is None


def test_bytes_go_in_unchanged_where_the_scaling_is_inside_the_graph():
    assert byte_table(np.uint8, 1 / 255, 0) is None


@pytest.mark.parametrize(("scale", "offset"), [(1 / 255, 0), (2 / 255, -1), (1, 0)])
def test_float_inputs_get_the_scaling_that_they_were_trained_with(scale, offset):
    table = byte_table(np.float32, scale, offset)
    assert table.dtype == np.float32
    np.testing.assert_allclose(
        table[[0, 128, 255]], [offset, 128 * scale + offset, 255 * scale + offset], rtol=1e-6
    )


def test_an_int8_input_takes_bytes_less_128():
    np.testing.assert_array_equal(byte_table(np.int8, 1 / 255, 0, 1 / 255, -128), np.arange(256) - 128)
    symmetric = byte_table(np.int8, 2 / 255, -1, 2 / 255, 0).astype(float)
    np.testing.assert_allclose(symmetric, np.arange(256) - 127.5, atol=0.51)  # between two steps


def test_a_narrow_range_saturates_and_does_not_wrap():
    table = byte_table(np.uint8, 1 / 255, 0, 0.5 / 255, 0)
    assert table[200] == table[255] == 255
    assert table[100] == 200
