"""What a classification says: labels with probabilities, or "unknown"."""

from dataclasses import dataclass

import numpy as np

from .errors import InvalidOutput


@dataclass(frozen=True)
class Prediction:
    """The best labels of one picture."""

    ranking: tuple[tuple[str, float], ...]
    """(label, probability 0 to 1), best first."""
    label: str | None
    """The best label, or None when its probability is under the threshold: "unknown"."""

    @property
    def confidence(self) -> float:
        """The probability of the best label, whether announced or not."""
        return self.ranking[0][1]

    @property
    def text(self) -> str:
        """The label, or `unknown`."""
        return self.label or "unknown"


def calibrate(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Softens (temperature over 1) or sharpens probabilities (..., C): p^(1/T), normalised.

    The same as dividing the logits by T before the softmax (Guo et al. 2017), which a device does not have.
    """
    with np.errstate(invalid="ignore"):  # infinity becomes NaN here, and `rank` speaks of it
        powers = probabilities ** (1 / temperature)
        return powers / powers.sum(-1, keepdims=True)


def rank(probabilities: np.ndarray, labels: tuple[str, ...], threshold: float, top: int) -> Prediction:
    """Ranks float32 (C,) probabilities; equal ones keep the order of `labels`.

    Raises:
        InvalidOutput: a probability is NaN or infinite.
    """
    if not np.isfinite(probabilities).all():
        raise InvalidOutput("the network gave NaN or infinity; export the model again")
    order = np.argsort(-probabilities, kind="stable")[:top]
    ranking = tuple((labels[index], float(probabilities[index])) for index in order)
    return Prediction(ranking, ranking[0][0] if ranking[0][1] >= threshold else None)
