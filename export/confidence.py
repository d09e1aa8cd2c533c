"""Confidence: a temperature and a threshold for "unknown", fitted on validation images for each file.

Temperature scaling after Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017): probabilities
are raised to 1/T and normalised, with the T that makes the validation labels most likely. It corrects the
confidence of a network and never changes the top label.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import binom
from sklearn import datasets

from ..data.answers import answers_nothing
from ..edge_runtime.engines.engine import Engine
from ..edge_runtime.errors import UsageError
from ..edge_runtime.images.prepare import prepare
from ..edge_runtime.images.rule import ImageRule
from ..edge_runtime.models.card import ModelCard
from ..edge_runtime.prediction import calibrate
from .parity import predict_all

LEAST_UNANSWERED = 0.05
"""The share of validation images, the least confident, that becomes "unknown" in any case: the price for
rejecting pictures of other things, all of which would get a label otherwise."""
FEW_IMAGES = 200
"""With fewer validation images no temperature is fitted: if all are right, the best one would be 0."""
_BY_CHANCE = 0.05
_ROUNDING = 1e-6
_WORTH = 0.5
"""A lower precision is worth nobody's while."""
_TEMPERATURES = (0.05, 20.0)
_UNKNOWN_PICTURES = 100
"""Of each kind: a share is then off by 5 points at most (one sigma). With 200, a sixth of the time of a whole
Lite0's export went into them."""


@dataclass(frozen=True)
class Confidence:
    """Temperature and threshold for the card, and their effect on the validation images."""

    temperature: float
    threshold: float
    """0 to 1, for calibrated probabilities."""
    precision: float
    """The share of right answers among the validation images at or over the threshold, 0 to 1."""
    unanswered: float
    """The share of validation images under the threshold, 0 to 1."""
    accuracy: float
    """Top-1 on all validation images, 0 to 1, whatever the threshold."""

    @property
    def answers_nothing(self) -> bool:
        """Whether nearly every image is below the threshold, as no threshold reached the target precision."""
        return answers_nothing(self.threshold, self.unanswered)

    def cells(self) -> tuple[str, ...]:
        """Returns threshold, share of unknown and precision as text."""
        precision = "-" if self.unanswered == 1 else f"{self.precision:.1%}"
        return f"{self.threshold:.2f}", f"{self.unanswered:.1%}", precision


def fit_confidence(
    probabilities: np.ndarray,
    truth: np.ndarray,
    target_precision: float | None = None,
    *,
    is_calibrated: bool = False,
) -> Confidence:
    """Fits both to the float32 (N, C) validation probabilities of one file; truth is int64 (N,).

    Without a target precision, the threshold leaves `LEAST_UNANSWERED` unanswered and no more. Where the
    temperature is inside the network, `is_calibrated`, it is 1.
    """
    temperature = 1.0 if is_calibrated else fitted_temperature(probabilities, truth)
    calibrated = calibrate(probabilities, temperature)
    confidences, right = calibrated.max(1), probabilities.argmax(1) == truth
    threshold = round(float(np.quantile(confidences, LEAST_UNANSWERED)), 6)
    if target_precision is not None:
        is_few = len(truth) < FEW_IMAGES
        threshold = max(threshold, fit_threshold(confidences, right, target_precision, is_few=is_few))
    answered = confidences >= threshold
    precision = float(right[answered].mean()) if answered.any() else 0.0
    unanswered, accuracy = float(1 - answered.mean()), float(right.mean())
    return Confidence(temperature, threshold, precision, unanswered, accuracy)


def check_judgeable(target_precision: float, val_images: int) -> None:
    """Checks a target precision that was asked for: one wrong answer must not be more than it allows.

    Raises:
        UsageError: there are too few validation images.
    """
    if target_precision < 1 and val_images * (1 - target_precision) < 1 - _ROUNDING:
        needed = math.ceil(1 / (1 - target_precision) - _ROUNDING)
        raise UsageError(
            f"--target-precision {target_precision:g}: takes {needed:,} validation images to judge, there "
            f"are {val_images}; give more pictures with --data, or leave it out"
        )


def confidence_warnings(confidence: Confidence | None, target_precision: float | None) -> Iterator[str]:
    """Yields what a user should know of a threshold that rejects more than half of the images."""
    if (
        confidence is None
        or target_precision is None
        or not (confidence.answers_nothing or confidence.unanswered > 1 / 2)
    ):
        return
    accuracy = confidence.accuracy
    attainable = math.floor(accuracy * 20) / 20
    lower = (
        f", or export with --target-precision {attainable:.2f}"
        if _WORTH <= attainable < target_precision
        else ""
    )
    if confidence.answers_nothing:
        what = "answers only" if confidence.unanswered == 1 else "answers little but"
        what += f' "unknown", because no threshold makes {target_precision:.0%} of its answers right'
    else:
        what = (
            f'answers "unknown" to {confidence.unanswered:.0%} of the validation images, so that '
            f"{target_precision:.0%} of the others are right"
        )
    yield f"{what} (of all validation images, {accuracy:.1%} are); train with more pictures or epochs{lower}"


def fitted_temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Returns the temperature for validation images, or 1 where there are fewer than `FEW_IMAGES`."""
    return fit_temperature(probabilities, truth) if len(truth) >= FEW_IMAGES else 1.0


def fit_temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Returns the temperature with the least negative log-likelihood of the labels, 0.05 to 20."""

    def loss(log_temperature: float) -> float:
        calibrated = calibrate(probabilities.astype(np.float64), float(np.exp(log_temperature)))
        return -float(np.log(np.maximum(calibrated[np.arange(len(truth)), truth], 1e-12)).mean())

    found = minimize_scalar(loss, bounds=np.log(_TEMPERATURES), method="bounded")
    return round(float(np.exp(found.x)), 4)


def fit_threshold(
    confidences: np.ndarray, right: np.ndarray, target_precision: float, *, is_few: bool = False
) -> float:
    """Returns the lowest threshold at which the answers have the target precision; 1 if none does.

    Args:
        confidences: float (N,), 0 to 1.
        right: bool (N,), whether each top label was the true one.
        target_precision: 0 to 1.
        is_few: one image more or less decides, so wrong answers count only where there are more of them than
            chance gives a file of this precision in one of twenty cases (binomial test).
    """
    order = np.argsort(-confidences, kind="stable")
    answers = np.arange(1, len(order) + 1)
    rights = np.cumsum(right[order])
    holds = rights / answers >= target_precision
    if is_few:
        holds |= binom.sf(answers - rights - 1, answers, 1 - target_precision) > _BY_CHANCE
    # A threshold separates no equal confidences, so only the last of them can be the limit.
    ends = np.append(confidences[order][1:] < confidences[order][:-1], True)
    held = np.flatnonzero(holds & ends)
    if not len(held):
        return 1.0
    if held[-1] == len(order) - 1:
        return 0.0
    # Halfway to the next lower confidence, which must stay under it.
    return round(float(confidences[order][held[-1] : held[-1] + 2].mean()), 6)


def rejection_rates(engine: Engine, card: ModelCard) -> dict[str, float]:
    """Returns the share, 0 to 1, of each kind of `unknown_pictures` that a file rejects as unknown."""
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
    """Returns pictures of none of the classes, by kind: uint8 (N, *rule.shape) each.

    `noise` and `flat` colours are what a broken or covered camera shows. `digits` (handwritten) and `photos`
    (crops of two sample photographs) come with scikit-learn; the data set that was trained on is left out.
    """
    rng = np.random.default_rng(seed)
    shape = (_UNKNOWN_PICTURES, *rule.shape)
    kinds = {
        "noise": rng.integers(0, 256, shape, np.uint8),
        "flat": np.broadcast_to(rng.integers(0, 256, (_UNKNOWN_PICTURES, 1, 1, shape[3]), np.uint8), shape),
        "digits": _digits(rule),
        "photos": _photograph_crops(rule, rng),
    }
    return {kind: images for kind, images in kinds.items() if kind != data_name}


def _digits(rule: ImageRule) -> np.ndarray:
    bundled: Any = datasets.load_digits()
    pictures = (bundled.images[:_UNKNOWN_PICTURES] * (255 / 16)).astype(np.uint8)
    return np.stack([prepare(picture[..., None].repeat(3, 2), rule) for picture in pictures])


def _photograph_crops(rule: ImageRule, rng: np.random.Generator) -> np.ndarray:
    photographs = datasets.load_sample_images().images  # two, uint8 (427, 640, 3)
    crops = []
    for index in range(_UNKNOWN_PICTURES):
        photograph = photographs[index % len(photographs)]
        side_px = int(rng.integers(64, 256))
        top, left = (int(rng.integers(0, size - side_px)) for size in photograph.shape[:2])
        crops.append(prepare(photograph[top : top + side_px, left : left + side_px, ::-1], rule))
    return np.stack(crops)
