"""The networks of keras.applications, exported: how far float32 is from Keras, and what int8 loses.

ImageNet's weights come from a server at run time. Without them the networks are trained here for a minute,
on the pictures of the corpus, until they tell its three classes apart.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .makers.given import LABELS, drawn
from .makers.given import SCALES as PIXELS
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


_PICTURES = 600
"""For the training."""
_FIRST_PX = 96


class Figures(NamedTuple):
    """What an export of one network came to."""

    network: str
    side_px: int
    parameters: int
    files: list[dict[str, Any]]
    """As in the JSON of `edgecls export`."""
    is_within: bool
    """Whether `--max-drop` was kept; if not, the files are those that are made without it."""


def fitted(name: str, side_px: int) -> Any:
    """Returns a network of keras.applications with a head for `LABELS`, trained to tell the pictures apart.

    A large one is trained small first: its weights do not depend on the size.
    """
    import keras  # noqa: PLC0415 - takes seconds, and only this needs it

    keras.utils.set_random_seed(5)
    first_px = min(side_px, _FIRST_PX)
    model = _trained(_network(name, first_px), name, first_px, _PICTURES, epochs=4)
    if side_px > first_px:
        small, model = model, _network(name, side_px)
        model.set_weights(small.get_weights())
        _trained(model, name, side_px, _PICTURES // 5, epochs=2)
    head: Any = model.layers[-1]
    body: Any = keras.Model(model.inputs, head.input)
    features = body.predict(_seen(drawn(90, seed=6)[0], name, side_px), batch_size=16, verbose=0)
    head.set_weights(tempered(features, *head.get_weights()))
    return model


def tempered(features: Any, weights: Any, bias: Any, margin: float = 2.0) -> tuple[Any, Any]:
    """Scales a last layer, so that its best logit is `margin` above the next for half of what it is given.

    A network that is sure of everything answers 1.0 whatever its layers compute: nothing would show a layer
    that is converted wrong. No label changes.

    Args:
        features: float (N, F).
        weights: float (F, C).
        bias: float (C,), of logits: a softmax follows.
        margin: of three classes, the best one has at least 0.79 with 2.
    """
    import numpy as np  # noqa: PLC0415

    ranked = np.sort(features @ weights + bias, axis=1)
    factor = margin / float(np.median(ranked[:, -1] - ranked[:, -2]))
    return weights * factor, bias * factor


def _network(name: str, side_px: int) -> Any:
    import keras  # noqa: PLC0415

    options: dict[str, Any] = {"input_shape": (side_px, side_px, 3), "include_top": False, "weights": None}
    body = getattr(keras.applications, name)(**options, pooling="avg")
    for layer in body.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.8  # for few steps
    head = keras.layers.Dense(len(LABELS), activation="softmax")
    return keras.Model(body.inputs, head(body.outputs[0]))


def _trained(model: Any, name: str, side_px: int, count: int, epochs: int) -> Any:
    cells, kinds = drawn(count, seed=4)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(_seen(cells, name, side_px), kinds, batch_size=16, epochs=epochs, verbose=0)
    return model


def _seen(cells: Any, name: str, side_px: int) -> Any:
    """Returns what a network sees of pictures: float32 (N, H, W, 3) in its range."""
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    size = (side_px, side_px)
    stretched = [cv2.resize(cell, size, interpolation=cv2.INTER_NEAREST) for cell in cells]
    factor, offset = PIXELS[SCALES[name]]
    return np.stack(stretched).astype(np.float32) * np.float32(factor) + np.float32(offset)


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
            typed = [
                *("export", str(path), "--labels", str(folder / "labels.txt"), "--scale", SCALES[name]),
                *("--crop", "stretch", "--data", str(folder / "classes"), "--int8", "--json", str(report)),
            ]
            is_within = _run(*typed, "--max-drop", str(max_drop)) == 0
            if not is_within and _run(*typed, "--force"):
                raise RuntimeError(f"{name}: export failed without --max-drop too")
            files = json.loads(report.read_text())
            found.append(Figures(name, side_px, model.count_params(), files, is_within))
    return found


def _run(*typed: str) -> int:
    """Returns the exit status of a command: 0, or 1 where int8 loses more than it may."""
    done = subprocess.run(
        [sys.executable, "-m", "edgecls", "--quiet", *typed], check=False, stdout=subprocess.DEVNULL
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"edgecls {' '.join(typed)}: status {done.returncode}")
    return done.returncode


def render(found: Sequence[Figures]) -> str:
    """Returns a table in Markdown."""
    rows = [
        "| network | px | parameters | float32, largest difference | int8, largest difference (TFLite, ONNX) "
        "| int8, accuracy change | within --max-drop |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for network in found:
        parities = [file["parity"] for file in network.files]
        int8 = [parity for parity in parities if "_int8" in parity["file"]]
        worst = max(parity["largest_difference"] for parity in parities if parity not in int8)
        changes = ", ".join(f"{100 * (p['accuracy'] - p['keras_accuracy']):+.1f}" for p in int8)
        lost = ", ".join(f"{p['largest_difference']:.2f}" for p in int8)
        within = "yes" if network.is_within else "no"
        size, off = f"{network.parameters:,}", f"{worst:.0e}"
        cells = (network.network, network.side_px, size, off, lost, changes, within)
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(rows)
