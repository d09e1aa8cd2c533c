"""When to say "unknown": a temperature and a threshold, fitted on validation images for each file by itself.

Temperature scaling after Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017): probabilities
are raised to 1/T and normalised, with the T that makes the validation labels most likely. It corrects how
sure a network says it is, and changes no best label.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from ..edge_runtime.prediction import calibrate

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
        """The fit as cells under `HEADERS`."""
        return f"{self.threshold:.2f}", f"{self.unanswered:.1%}", f"{self.precision:.1%}"


HEADERS = ("threshold", "unknown", "precision")


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
