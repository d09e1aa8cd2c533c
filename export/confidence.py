"""When to say "unknown": a temperature and a threshold, fitted on validation images for each file by itself.

Temperature scaling after Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017): probabilities
are raised to 1/T and normalised, with the T that makes the validation labels most likely. It corrects how
sure a network says it is, and changes no best label.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn import datasets

from ..edge_runtime.classifier import calibrate
from ..edge_runtime.engines.engine import Engine
from ..edge_runtime.images.prepare import prepare
from ..edge_runtime.images.rule import ImageRule
from ..edge_runtime.models.card import ModelCard
from .parity import predict_all

LEAST_UNANSWERED = 0.05
"""The share of validation images, the least sure, that is left unanswered in any case: the price of refusing
pictures of other things, which a network would otherwise all name."""
FEW_IMAGES = 200
"""Fewer validation images tell no temperature: where all of them are right, the best one would be 0."""
_TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Confidence:
    """What the card needs to say "unknown"."""

    temperature: float
    threshold: float
    """0 to 1, on calibrated probabilities."""
    precision: float
    """The share of answers that were right, among validation images that the threshold lets through."""
    unanswered: float
    """The share of validation images under the threshold."""
    accuracy: float
    """Top-1 on all validation images, 0 to 1, threshold or not."""

    def cells(self) -> tuple[str, ...]:
        """Threshold, share of unknown and precision, as text."""
        return f"{self.threshold:.2f}", f"{self.unanswered:.1%}", f"{self.precision:.1%}"


def fit_confidence(
    probabilities: np.ndarray, truth: np.ndarray, wanted_precision: float | None = None
) -> Confidence:
    """Fits both to float32 (N, C) validation probabilities of one file; truth is int64 (N,).

    Without a wanted precision, the threshold leaves `LEAST_UNANSWERED` unanswered and no more.
    """
    temperature = fit_temperature(probabilities, truth) if len(truth) >= FEW_IMAGES else 1.0
    calibrated = calibrate(probabilities, temperature)
    confidences, right = calibrated.max(1), probabilities.argmax(1) == truth
    threshold = round(float(np.quantile(confidences, LEAST_UNANSWERED)), 6)
    if wanted_precision is not None:
        threshold = max(threshold, fit_threshold(confidences, right, wanted_precision))
    answered = confidences >= threshold
    precision = float(right[answered].mean()) if answered.any() else 0.0
    unanswered, accuracy = float(1 - answered.mean()), float(right.mean())
    return Confidence(temperature, threshold, precision, unanswered, accuracy)


def fit_temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The temperature under which the labels are most likely (least negative log-likelihood), 0.05 to 20."""

    def loss(log_temperature: float) -> float:
        calibrated = calibrate(probabilities.astype(np.float64), float(np.exp(log_temperature)))
        return -float(np.log(np.maximum(calibrated[np.arange(len(truth)), truth], 1e-12)).mean())

    found = minimize_scalar(loss, bounds=np.log(_TEMPERATURES), method="bounded")
    return round(float(np.exp(found.x)), 4)


def fit_threshold(confidences: np.ndarray, right: np.ndarray, wanted_precision: float) -> float:
    """The lowest threshold that keeps the precision of the answers at `wanted_precision`; 1 where none does.

    Args:
        confidences: float (N,), 0 to 1.
        right: bool (N,), whether each best label was the true one.
        wanted_precision: 0 to 1.
    """
    order = np.argsort(-confidences, kind="stable")
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    # A threshold lets all equal confidences through, so only the last of them may end the answered ones.
    ends = np.append(confidences[order][1:] < confidences[order][:-1], True)
    held = np.flatnonzero((precision >= wanted_precision) & ends)
    if not len(held):
        return 1.0
    if held[-1] == len(order) - 1:
        return 0.0
    # Halfway to the next lower confidence, which must stay out.
    return round(float(confidences[order][held[-1] : held[-1] + 2].mean()), 6)


# Pictures of other things, to see how many of them a file refuses to name.

_COUNT = 200


def rejection_rates(engine: Engine, card: ModelCard) -> dict[str, float]:
    """The share, 0 to 1, of each kind of strange pictures that this file calls "unknown"."""
    shares = {}
    for kind, images in unknown_pictures(card.image, card.provenance.data).items():
        answers = calibrate(predict_all(engine, images), card.temperature)
        refused = answers.max(1) < card.threshold
        if card.background:
            refused |= answers.argmax(1) == card.labels.index(card.background)
        shares[kind] = float(refused.mean())
    return shares


@cache
def unknown_pictures(rule: ImageRule, data_name: str, seed: int = 0) -> dict[str, np.ndarray]:
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
