"""From a camera's bytes to whatever a network takes: a byte has 256 values, so any scaling is a table."""

import numpy as np


def byte_table(
    dtype: type[np.generic], scale: float, offset: float, tensor_scale: float = 0.0, zero_point: int = 0
) -> np.ndarray | None:
    """The network's input for each byte, or None where bytes go in as they are.

    Args:
        dtype: of the network's input: uint8, int8 or float32.
        scale: the network was trained on pixel * scale + offset.
        offset: see there.
        tensor_scale: of a quantised input, real = (q - zero_point) * tensor_scale; else 0.
        zero_point: see there.

    Returns:
        `dtype` (256,), to be indexed with the image.
    """
    pixels = np.arange(256)
    real = pixels * scale + offset
    if np.issubdtype(dtype, np.floating):
        return real.astype(dtype)
    if not tensor_scale:  # the scaling is inside the graph
        return None if dtype is np.uint8 else (pixels - 128).astype(dtype)
    lowest = -128 if dtype is np.int8 else 0
    table = np.clip(np.rint(real / tensor_scale + zero_point), lowest, lowest + 255).astype(dtype)
    return None if dtype is np.uint8 and (table == pixels).all() else table
