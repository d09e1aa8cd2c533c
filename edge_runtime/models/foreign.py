"""Foreign models: TFLite and ONNX files that edgecls did not make; they are given a card."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..engines.engine import start_engine
from ..errors import BadData, BadModel, UsageError
from ..files import read_whole
from ..images.rule import ImageRule, PixelRange
from ..workers import ask_worker
from .card import ModelCard
from .model_file import ModelFile, ModelFormat, model_format, read_card

SCALINGS: dict[PixelRange, tuple[float, float]] = {
    "0..255": (1.0, 0.0),
    "0..1": (1 / 255, 0.0),
    "-1..1": (2 / 255, -1.0),
}
"""(scale, offset) of the values that a network was trained on: pixel * scale + offset."""

_SEED, _TRIALS = 0, 8


def read_labels(path: Path) -> tuple[str, ...]:
    """Reads the labels of a text file: one on each line, in the order of the network's outputs.

    Raises:
        MissingInput, PermissionRefused, BadData: it cannot be read, or holds fewer than two labels.
    """
    try:
        lines = re.split(
            r"\r\n|\r|\n", read_whole(path).decode("utf-8-sig")
        )  # labels may hold other separators
        labels = tuple(label for line in lines if (label := line.strip(" \t")))
    except UnicodeDecodeError as error:
        raise BadData(f"{path}: not a text file: {error}; write one label on each line") from error
    if len(labels) < 2:
        raise BadData(f"{path}: {len(labels)} labels; write one on each line, at least two")
    return labels


def read_foreign(path: Path, labels: tuple[str, ...], scaling: PixelRange = "0..1") -> ModelFile:
    """Reads a foreign TFLite or ONNX file, and makes a card for it.

    Args:
        path: a network that takes one picture as uint8, int8 or float32, [1, H, W, 3] or [1, 3, H, W], and
            returns one row of scores of any of these types.
        labels: in the order of the scores.
        scaling: range of the values that the network was trained on. A file that takes bytes without a scale
            of their own does the scaling inside.

    Raises:
        UsageError: edgecls made the file, so that it has labels of its own; or it is a Keras model.
        BadModel: it cannot be run, or has another number of classes than there are labels.
        MissingInput, PermissionRefused: it cannot be read.
        Unavailable: the engine for its format is not installed.
    """
    content = read_whole(path)
    format_ = model_format(content, str(path))
    if read_card(content, format_, str(path)):
        raise UsageError(f"{path}: carries its own labels and scaling; leave --labels and --scale out")
    if format_ is ModelFormat.H5:
        raise UsageError(f"{path}: a Keras model does not run on a device; run `edgecls export` first")
    found = ask_worker(try_out, content, str(path))
    if found["classes"] != len(labels):
        raise BadModel(
            f"{path}: the network has {found['classes']} classes, but there are {len(labels)} labels; "
            "write one label for each class"
        )
    scale, offset = SCALINGS[scaling]
    card = ModelCard(labels, ImageRule(*found["size_px"]), scale, offset, scores=found["scores"])
    return ModelFile(path, format_, content, card)


def try_out(content: bytes, name: str) -> dict[str, Any]:
    """Opens and runs a model; called in a child process, because its parser may crash.

    Returns:
        `classes`; `size_px`: (height, width) of the input; `scores`: `probabilities` if all outputs could be
        probabilities, else `logits`.
    """
    empty_card = ModelCard((), ImageRule(0, 0))
    engine = start_engine(ModelFile(Path(name), model_format(content, name), content, empty_card))
    pictures = np.random.default_rng(_SEED).integers(0, 256, (_TRIALS, *engine.input_size_px, 3), np.uint8)
    answers = np.stack([engine.probabilities(picture) for picture in pictures])
    are_probabilities = answers.min() >= 0 and answers.max() <= 1.001  # rounding may add a little
    return {
        "classes": engine.classes,
        "size_px": engine.input_size_px,
        "scores": "probabilities" if are_probabilities else "logits",
    }
