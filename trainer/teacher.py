"""Distillation: a trained network that a smaller one imitates (Hinton, Vinyals and Dean 2015)."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..data.backend import keras
from ..data.keras_files.network import load_network
from ..edge_runtime.errors import UsageError
from ..edge_runtime.images.rule import ImageRule
from ..edge_runtime.models.model_file import ModelFormat, read_model
from .compiled import predict_uint8, with_scaling
from .networks.design import BYTES_TO_1, Pixels

ROUNDS = 12
"""A teacher predicts each image in so many augmented forms. Later epochs use its probabilities again, which
is as good and saves the time (Shen and Xing 2022, "A fast knowledge distillation framework")."""


@dataclass(frozen=True)
class TeacherFile:
    """An `.h5` that `edgecls train` saved, loaded."""

    network: keras.Model
    sha256: str
    """Of the file."""
    data_sha256: str
    """Of the data set and split that it was trained on; empty if its card does not have it."""
    pixels: Pixels = BYTES_TO_1


def load_teacher(path: Path, labels: tuple[str, ...], rule: ImageRule) -> TeacherFile:
    """Loads an `.h5` that `edgecls train` saved.

    Raises:
        MissingInput, BadModel: it cannot be read, or has a layer that is refused.
        UsageError: it has other classes, or takes images of another size.
    """
    file = read_model(path)
    if file.format is not ModelFormat.H5:
        raise UsageError(f"--teacher {path}: a .{file.format} file; name the .h5 that `edgecls train` saved")
    if file.card.labels != labels:
        raise UsageError(
            f"--teacher {path}: its classes are {', '.join(file.card.labels)}, not those of the data; "
            "train it on the same data"
        )
    theirs = replace(file.card.image, transparent=rule.transparent, bits=rule.bits, decode=rule.decode)
    if theirs != rule:
        raise UsageError(
            f"--teacher {path}: takes images of {file.card.image.width_px}x{file.card.image.height_px} px, "
            f"not {rule.width_px}x{rule.height_px}; give --imgsz {file.card.image.height_px}"
        )
    network = load_network(file.content, f"--teacher {path}")
    pixels = Pixels(*file.card.one_scaling)
    return TeacherFile(network, file.sha256, file.card.provenance.data_sha256, pixels)


class Teacher:
    """Predicts augmented images, and keeps the probabilities, 2 bytes a class.

    Args:
        network: takes float32 (N, H, W, 3) in the range of `pixels`, and gives probabilities.
        images: how many one epoch has.
        classes: how many there are.
        epochs: of the training; a short one needs fewer rounds.
        pixels: the network's.
    """

    def __init__(
        self, network: keras.Model, images: int, classes: int, epochs: int, pixels: Pixels = BYTES_TO_1
    ) -> None:
        self.rounds = min(ROUNDS, epochs)
        self._model = with_scaling(network, pixels)
        self._probabilities = np.zeros((self.rounds, images, classes), np.float16)
        self._is_known = np.zeros((self.rounds, images), bool)

    def is_complete(self, in_round: int) -> bool:
        """Returns whether it has predicted every image of this round."""
        return bool(self._is_known[in_round].all())

    def probabilities(self, images: np.ndarray, in_round: int, start: int) -> np.ndarray:
        """Returns float32 (N, C) for the images that begin at place `start` of this round; predicted once."""
        places = slice(start, start + len(images))
        if not self._is_known[in_round, places].all():
            self._probabilities[in_round, places] = predict_uint8(self._model, images)
            self._is_known[in_round, places] = True
        return self._probabilities[in_round, places].astype(np.float32)
