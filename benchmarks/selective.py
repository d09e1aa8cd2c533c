"""Answers with a file's own threshold: how many test images get a right label, a wrong one, or none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..edge_runtime.models.card import ModelCard
from ..edge_runtime.prediction import calibrate


@dataclass(frozen=True)
class SelectiveReport:
    """What a file answers where it may say "unknown", on the test images."""

    threshold: float
    """Of the card, 0 to 1."""
    right: int
    """Images with the right label; those of the background are right without any."""
    wrong: int
    """Images with a wrong label."""
    unknown: int
    """Images of the other classes that get no label."""

    @property
    def coverage(self) -> float:
        """The share of images that are answered, 0 to 1: right or wrong."""
        return 1 - self.unknown / (self.right + self.wrong + self.unknown)

    @property
    def selective_accuracy(self) -> float | None:
        """The share of the answered images that are right, 0 to 1; None where none is answered."""
        answered = self.right + self.wrong
        return self.right / answered if answered else None


def selective(probabilities: np.ndarray, truth: np.ndarray, card: ModelCard) -> SelectiveReport | None:
    """Counts what a file answers; None for one without a threshold, as a Keras original is.

    Args:
        probabilities: float32 (N, C), as the file gave them.
        truth: int64 (N,).
        card: of the file.
    """
    if not card.threshold:
        return None
    best = probabilities.argmax(axis=1)
    is_answered = calibrate(probabilities, card.temperature).max(axis=1) >= card.threshold
    is_nothing = np.zeros(len(truth), bool)
    if card.background:
        background = card.labels.index(card.background)
        is_answered &= best != background
        is_nothing = truth == background
    right = np.where(is_nothing, ~is_answered, is_answered & (best == truth))
    unknown = ~is_answered & ~is_nothing
    counts = int(right.sum()), int((~right & ~unknown).sum()), int(unknown.sum())
    return SelectiveReport(card.threshold, *counts)


HEADINGS = ("threshold", "right", "wrong", "unknown", "coverage %", "selective accuracy %")
EXPLAINED = (
    "right, wrong: test images with that label; those of a background class are right without a label.\n"
    "unknown: the others without a label, below the threshold or taken for the background.\n"
    "coverage: the share of images that are right or wrong; selective accuracy: of these, the share right."
)


def cells(of: SelectiveReport) -> Sequence[str]:
    """Returns the texts of a row under `HEADINGS`."""
    accuracy = of.selective_accuracy
    return (
        f"{of.threshold:.2f}",
        *(f"{count:,}" for count in (of.right, of.wrong, of.unknown)),
        f"{of.coverage:.1%}".rstrip("%"),
        "-" if accuracy is None else f"{accuracy:.2%}".rstrip("%"),
    )
