"""A trained network whose answers a smaller one imitates (Hinton, Vinyals and Dean 2015)."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.backend import keras
from ..edge_runtime.errors import BadModel, UsageError
from ..edge_runtime.images.rule import ImageRule
from ..edge_runtime.inspection.keras import refuse_code
from ..edge_runtime.models.model_file import ModelFormat, read_model
from .predict import answers, scaled

ROUNDS = 12
"""A teacher sees each image in so many augmented forms; then its answers are used again, which is as good
and spares the time (Shen and Xing 2022, "A fast knowledge distillation framework")."""


@dataclass(frozen=True)
class TeacherFile:
    """An `.h5` that `edgecls train` saved, read."""

    network: keras.Model
    sha256: str
    """Of the file."""
    data_sha256: str
    """Of the data set and split that it was trained on; empty if its card does not say."""


class Teacher:
    """Answers for augmented images; remembers them, 2 bytes a class.

    Args:
        network: takes float32 (N, H, W, 3), 0 to 1, and gives probabilities.
        images: how many one epoch has.
        classes: how many there are.
        epochs: of the training; a shorter one needs fewer rounds.
    """

    def __init__(self, network: keras.Model, images: int, classes: int, epochs: int) -> None:
        self.rounds = min(ROUNDS, epochs)
        self._network = scaled(network)
        self._said = np.zeros((self.rounds, images, classes), np.float16)
        self._is_said = np.zeros((self.rounds, images), bool)

    def has_said_all(self, in_round: int) -> bool:
        """Whether it has answered for every image of this round."""
        return bool(self._is_said[in_round].all())

    def says(self, images: np.ndarray, in_round: int, start: int) -> np.ndarray:
        """Its probabilities, float32 (N, C), for the images that come from place `start` on in this round."""
        places = slice(start, start + len(images))
        if not self._is_said[in_round, places].all():
            self._said[in_round, places] = answers(self._network, images)
            self._is_said[in_round, places] = True
        return self._said[in_round, places].astype(np.float32)


def load_teacher(path: Path, labels: tuple[str, ...], rule: ImageRule) -> TeacherFile:
    """Loads an `.h5` that `edgecls train` saved.

    Raises:
        MissingInput, BadModel: it cannot be read, or holds a layer outside `ALLOWED_LAYERS`.
        UsageError: it knows other classes, or takes images of another size.
    """
    file = read_model(path)
    if file.format is not ModelFormat.H5:
        raise UsageError(f"--teacher {path}: a .{file.format} file; name the .h5 that `edgecls train` saved")
    if file.card.labels != labels:
        raise UsageError(
            f"--teacher {path}: knows the classes {', '.join(file.card.labels)}, not those of the data; "
            "train it on the same data"
        )
    if file.card.image != rule:
        raise UsageError(
            f"--teacher {path}: takes images of {file.card.image.width_px}x{file.card.image.height_px} px, "
            f"not {rule.width_px}x{rule.height_px}; give --imgsz {file.card.image.height_px}"
        )
    refuse_code(file.content, f"--teacher {path}")
    sha256 = file.sha256
    return TeacherFile(_load(file.content, path), sha256, file.card.provenance.data_sha256)


def _load(content: bytes, path: Path) -> Any:
    try:
        with tempfile.NamedTemporaryFile(suffix=".h5") as read:  # the bytes whose card was read, under a name
            read.write(content)
            read.flush()
            return keras.models.load_model(read.name, compile=False)
    except Exception as error:  # Keras raises whatever its layers raise
        reason = " ".join(str(error).split())[:200]
        raise BadModel(f"--teacher {path}: Keras cannot load it: {reason}; train it again") from error
