"""Pictures of other things, to see how many of them a file refuses to name."""

from functools import cache
from typing import Any

import numpy as np
from sklearn import datasets

from ..edge_runtime.card import ModelCard
from ..edge_runtime.engine import Engine
from ..edge_runtime.image import ImageRule, prepare
from ..edge_runtime.prediction import calibrate
from .parity import predict_all

_COUNT = 200


def refusals(engine: Engine, card: ModelCard) -> dict[str, float]:
    """The share, 0 to 1, of each kind of strange pictures that this file calls "unknown"."""
    shares = {}
    for kind, images in strangers(card.image, card.provenance.data).items():
        answers = calibrate(predict_all(engine, images), card.temperature)
        refused = answers.max(1) < card.threshold
        if card.background:
            refused |= answers.argmax(1) == card.labels.index(card.background)
        shares[kind] = float(refused.mean())
    return shares


@cache
def strangers(rule: ImageRule, data_name: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Pictures that belong to none of the classes, by kind: uint8 (N, H, W, 3) RGB each.

    `noise` and `flat` colours are what a covered or broken camera shows. `digits` (handwritten) and `photos`
    (pieces of the two sample photographs) come with scikit-learn; the kind that was trained on is left out.
    """
    rng = np.random.default_rng(seed)
    shape = (_COUNT, rule.height_px, rule.width_px, 3)
    kinds = {
        "noise": rng.integers(0, 256, shape, np.uint8),
        "flat": np.broadcast_to(rng.integers(0, 256, (_COUNT, 1, 1, 3), np.uint8), shape),
        "digits": _digits(rule),
        "photos": _pieces_of_photographs(rule, rng),
    }
    return {kind: images for kind, images in kinds.items() if kind != data_name}


def _digits(rule: ImageRule) -> np.ndarray:
    bundled: Any = datasets.load_digits()
    pictures = (bundled.images[:_COUNT] * (255 / 16)).astype(np.uint8)
    return np.stack([prepare(picture[..., None].repeat(3, 2), rule) for picture in pictures])


def _pieces_of_photographs(rule: ImageRule, rng: np.random.Generator) -> np.ndarray:
    photographs = datasets.load_sample_images().images  # two, uint8 (427, 640, 3)
    pieces = []
    for index in range(_COUNT):
        photograph = photographs[index % len(photographs)]
        side_px = int(rng.integers(64, 256))
        top, left = (int(rng.integers(0, size - side_px)) for size in photograph.shape[:2])
        pieces.append(prepare(photograph[top : top + side_px, left : left + side_px, ::-1], rule))
    return np.stack(pieces)
