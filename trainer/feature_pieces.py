"""Features computed elsewhere, such as on the machines of a cluster: piece by piece, and the same as here."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..data.prepared.images import Images
from .features import PIECE_IMAGES, Features, PictureView, ViewFeatures, features_of_piece
from .networks import Design, build
from .networks.design import ARCHITECTURES
from .options import TrainOptions

ComputePieces = Callable[[Callable[[int, np.ndarray], np.ndarray], Any], Iterator[tuple[int, np.ndarray]]]
"""Takes a picklable function of a piece's number and the piece, and the pieces, which have a length and are
indexed; yields each one's number and result, in any order."""


def features_elsewhere(compute: ComputePieces, training: TrainOptions) -> ViewFeatures:
    """Returns the function for `run_training` that lets others compute what its pretrained network sees.

    Args:
        compute: such as `edgecls.sweep.on_cluster` gives.
        training: decides the network and the size of its images.
    """

    def of(images: Images, view: PictureView, done: Callable[[int], None]) -> np.ndarray:
        work = _Work(training.recipe.design, training.image.height_px, training.image.width_px, view)
        found = np.empty((len(images), work.features.count), np.float16)
        count = 0
        for piece, result in compute(work, _ImagePieces(images)):
            found[piece * PIECE_IMAGES : piece * PIECE_IMAGES + len(result)] = result
            done(count := count + len(result))
        return found

    return of


@dataclass(frozen=True)
class _Work:
    """Computes the features of a piece, with a network that is loaded once in each process."""

    design: Design
    height_px: int
    width_px: int
    view: PictureView

    @property
    def features(self) -> Features:
        return _features(self.design, self.height_px, self.width_px)

    def __call__(self, piece: int, images: np.ndarray) -> np.ndarray:
        return features_of_piece(self.features, images, self.view, piece)


@cache
def _features(design: Design, height_px: int, width_px: int) -> Features:
    network = build(design, height_px, width_px, classes=2)  # of the last layer, which is left out
    return Features(network, ARCHITECTURES[design.arch].pixels)


class _ImagePieces:
    """Images in pieces, each read when it is asked for."""

    def __init__(self, images: Images) -> None:
        self._images = images

    def __len__(self) -> int:
        return math.ceil(len(self._images) / PIECE_IMAGES)

    def __getitem__(self, piece: int) -> np.ndarray:
        return self._images[piece * PIECE_IMAGES : (piece + 1) * PIECE_IMAGES]
