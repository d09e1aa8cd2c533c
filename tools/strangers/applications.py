"""The networks of keras.applications, exported: how far float32 is from Keras, and what int8 loses.

ImageNet's weights come from a server at run time. Without them the networks start at random; then batch
normalisation takes the statistics of the pictures, and the last layer is fitted to them by least squares.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .makers.given import LABELS
from .pictures import write_pictures

SCALES = {
    "MobileNet": "-1..1",
    "MobileNetV2": "-1..1",
    "MobileNetV3Small": "0..255",
    "EfficientNetB0": "0..255",
    "EfficientNetV2B0": "0..255",
    "ResNet50V2": "-1..1",
    "DenseNet121": "0..1",
    "NASNetMobile": "-1..1",
    "Xception": "-1..1",
}
"""What `preprocess_input` does; DenseNet's mean and deviation are left to its first normalisation."""


class Figures(NamedTuple):
    """What an export of one network came to."""

    network: str
    side_px: int
    parameters: int
    files: list[dict[str, Any]]
    """As in the JSON of `edgecls export`."""


def fitted(name: str, side_px: int) -> Any:
    """Returns a network of keras.applications with a head for `LABELS`, which tells the pictures apart."""
    import keras  # noqa: PLC0415 - takes seconds, and only this needs it
    import numpy as np  # noqa: PLC0415

    from .makers.given import FIT_CELLS, ridge, targets  # noqa: PLC0415

    keras.utils.set_random_seed(5)
    options: dict[str, Any] = {"input_shape": (side_px, side_px, 3), "include_top": False, "weights": None}
    body = getattr(keras.applications, name)(**options, pooling="avg")
    pixels = _stretched(FIT_CELLS, side_px).astype(np.float32)
    factor, offset = {"0..255": (1, 0), "0..1": (1 / 255, 0), "-1..1": (1 / 127.5, -1)}[SCALES[name]]
    seen = pixels * factor + offset
    for layer in body.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # the statistics of the next pictures
    body(seen[:30], training=True)
    features = np.asarray(body.predict(seen, batch_size=16, verbose=0))
    head = keras.layers.Dense(len(LABELS), activation="softmax")
    model = keras.Model(body.inputs, head(body.outputs[0]))
    head.set_weights(list(ridge(features, targets(len(LABELS)))))
    return model


def _stretched(cells: Any, side_px: int) -> Any:
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    return np.stack([cv2.resize(cell, (side_px, side_px), interpolation=cv2.INTER_NEAREST) for cell in cells])


def measure(
    names: Sequence[str], side_px: int, max_drop: float, on_step: Callable[[str], None]
) -> list[Figures]:
    """Exports the networks one after the other, as a user would."""
    found = []
    with tempfile.TemporaryDirectory(prefix="applications-") as text:
        folder = Path(text)
        write_pictures(folder, each_class=140)  # that a loss of one point shows
        for name in names:
            on_step(f"{name} at {side_px} px")
            model = fitted(name, side_px)
            path, report = folder / f"{name.lower()}.keras", folder / f"{name}.json"
            model.save(path)
            subprocess.run(
                [
                    *(sys.executable, "-m", "edgecls", "--quiet", "export", str(path)),
                    *("--labels", str(folder / "labels.txt"), "--scale", SCALES[name], "--crop", "stretch"),
                    *("--data", str(folder / "classes"), "--int8", "--max-drop", str(max_drop)),
                    *("--json", str(report)),
                ],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            files = json.loads(report.read_text())
            found.append(Figures(name, side_px, model.count_params(), files))
    return found


def render(found: Sequence[Figures]) -> str:
    """Returns a table in Markdown."""
    rows = [
        "| network | px | parameters | float32, largest difference | int8, accuracy change (TFLite, ONNX) |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for network in found:
        parities = [file["parity"] for file in network.files]
        int8 = [parity for parity in parities if "_int8" in parity["file"]]
        worst = max(parity["largest_difference"] for parity in parities if parity not in int8)
        changes = ", ".join(f"{100 * (p['accuracy'] - p['keras_accuracy']):+.1f}" for p in int8)
        cells = (network.network, network.side_px, f"{network.parameters:,}", f"{worst:.0e}", changes)
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(rows)
