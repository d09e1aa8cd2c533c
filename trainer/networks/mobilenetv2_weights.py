"""Which file of Keras has the weights for a `mobilenetv2`, and where it comes from. Needs no Keras."""

import math
from pathlib import Path

from ...data.downloads import fetch, keras_folder
from .design import Design

ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
SIDES_PX = (96, 128, 160, 192, 224)
"""Of the pictures that there are weights for, for each width."""
SHA256 = {
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5": (
        "df1c3db1d0d9193719c4c70f707c56f7021f999f825bdc57454c275cf6def19f"
    ),
}
"""The digests that others have published. Keras has none for these files: the first file is trusted."""


def width_of(design: Design) -> float:
    """Returns the width; 1 is the default."""
    return 1.0 if design.width is None else design.width


def weights_name(design: Design, height_px: int, width_px: int) -> str:
    """Returns the name of the file whose pictures have the most similar size, as a ratio."""
    side_px = math.sqrt(height_px * width_px)
    nearest_px = min(SIDES_PX, key=lambda known_px: abs(math.log(known_px / side_px)))
    width = float(width_of(design))
    return f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{width}_{nearest_px}_no_top.h5"


def fetch_weights(design: Design, height_px: int, width_px: int) -> tuple[Path, str]:
    """Returns the file with the weights for pictures of this size, and its digest; downloads it once.

    Raises:
        BadData: the file is not the one expected.
        Unavailable: it cannot be downloaded; the message says how to do without.
        OutputFailed, PermissionRefused: it cannot be written.
    """
    name = weights_name(design, height_px, width_px)
    path = keras_folder("models") / name
    otherwise = (
        f"download {ADDRESS}{name} elsewhere and put it into {path.parent}, or use --arch lite0, "
        "which needs no network"
    )
    return path, fetch(ADDRESS + name, path, otherwise, SHA256.get(name))
