"""Networks as strangers make them, which tell colours apart, and pictures of these colours."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.picture_options import PictureOptions

COLOURS = {
    "blue": (40, 60, 200),
    "green": (60, 170, 60),
    "grey": (110, 110, 110),
    "red": (200, 50, 40),
    "rust": (150, 90, 85),
    "sand": (200, 180, 130),
}
LABELS = tuple(COLOURS)
SIZE_PX = 16


def write_labels(path: Path, labels: tuple[str, ...] = LABELS) -> Path:
    path.write_text("\n".join(labels))
    return path


def write_pictures(folder: Path, each: int, *, wide: bool = False, seed: int = 0) -> Path:
    """Class folders of noisy pictures; wide ones have their colour in the middle, one and the same beside."""
    random = np.random.default_rng(seed)
    for label, colour in COLOURS.items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            height_px, width_px = (40, 120) if wide else (40, 40)
            picture = random.normal((60, 160, 160), 25, (height_px, width_px, 3))
            left = (width_px - height_px) // 2
            noise = random.normal(colour, 25, (height_px, height_px, 3)) + random.normal(0, 12, 3)
            picture[:, left : left + height_px] = noise
            pixels = np.clip(picture, 0, 255).astype(np.uint8)[..., ::-1]
            cv2.imwrite(str(folder / label / f"{number}.png"), pixels)
    return folder


def colour_network(
    options: PictureOptions,
    *,
    labels: tuple[str, ...] = LABELS,
    side: int | str = SIZE_PX,
    more_outputs: bool = False,
) -> bytes:
    """An ONNX classifier [1, 3, H, W]: the nearest colour of the mean pixel, scaled as `options` say."""
    scale, offset = options.scaling or (1 / 255, 0.0)
    order = slice(None, None, -1 if options.channels == "bgr" else 1)
    colours = np.array([COLOURS[label] for label in labels], np.float64)[:, order] * scale + offset
    sharp = 60 / (np.mean(scale) * 255) ** 2
    weights, bias = (2 * sharp * colours.T), -sharp * (colours**2).sum(1)
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "b"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    ends = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(labels)])]
    if more_outputs:
        ends.insert(0, helper.make_tensor_value_info("flat", TensorProto.FLOAT, [1, 3]))
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, side, side])],
        ends,
        [
            numpy_helper.from_array(weights.astype(np.float32), "w"),
            numpy_helper.from_array(bias.astype(np.float32), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()
