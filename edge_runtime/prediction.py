"""Prediction: the best labels of one picture, from the probabilities that a network gave."""

import heapq
from functools import cached_property
from math import isfinite
from typing import NoReturn

import numpy as np

from .errors import InvalidOutput


class Prediction:
    """The best labels of one picture: a value that does not change, equal to another that says the same.

    One that `rank` made works out each thing that it says when it is first asked: a small network is done in
    less time than a ranking takes that perhaps nobody reads.
    """

    def __init__(self, ranking: tuple[tuple[str, float], ...], label: str | None) -> None:
        self.__dict__.update(ranking=ranking, label=label)  # where cached_property looks first

    @cached_property
    def ranking(self) -> tuple[tuple[str, float], ...]:
        """(label, probability 0 to 1), best first."""
        _, labels, _, top, *_ = self.__dict__["_raw"]
        values = self._calibrated
        return tuple(
            (labels[index], values[index])
            for index in heapq.nlargest(top, range(len(values)), key=values.__getitem__)
        )

    @cached_property
    def label(self) -> str | None:
        """The best label; None, "unknown", when that is the background or too improbable."""
        _, labels, threshold, _, _, background, _ = self.__dict__["_raw"]
        best = max(self._calibrated)
        label = labels[self._calibrated.index(best)]
        return label if best >= threshold and label != background else None

    @cached_property
    def probabilities(self) -> np.ndarray:
        """float32 (C,), calibrated, in the order of the labels; only where `rank` made the prediction."""
        return np.array(self._calibrated, np.float32)

    @property
    def confidence(self) -> float:
        """The probability of the best label, whether announced or not."""
        return self.ranking[0][1]

    @property
    def text(self) -> str:
        """The label, or `unknown`."""
        return self.label or "unknown"

    @property
    def familiarity(self) -> float | None:
        """How much the picture is like the training pictures, 0 to 1; None where the model does not say."""
        probabilities, *_, has_familiarity = self.__dict__.get("_raw", (None, False))
        return min(1.0, sum(probabilities.tolist())) if has_familiarity else None

    @property
    def is_never_seen(self) -> bool:
        """Whether the answer is "unknown" only because the picture is unlike the training pictures."""
        if self.label is not None or not self.familiarity:
            return False
        _, labels, threshold, _, _, background, _ = self.__dict__["_raw"]
        best = max(self._calibrated)
        is_background = labels[self._calibrated.index(best)] == background
        return best < threshold <= best / self.familiarity and not is_background

    def with_label(self, label: str | None) -> "Prediction":
        """The same ranking, worked out no sooner, with another label."""
        other = Prediction.__new__(Prediction)
        other.__dict__.update(self.__dict__, label=label)
        return other

    @cached_property
    def _calibrated(self) -> list[float]:
        """What `calibrate` makes of the probabilities; on a short list, numpy needs several times as long."""
        probabilities, _, _, _, temperature, *_ = self.__dict__["_raw"]
        values = probabilities.tolist()
        largest = max(values)
        if temperature == 1 or largest <= 0 or min(values) < 0:  # the last two: these are no probabilities
            return values
        powers = [(value / largest) ** (1 / temperature) for value in values]
        total = sum(powers)
        return [power / total for power in powers]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Prediction):
            return NotImplemented
        return self.label == other.label and self.ranking == other.ranking

    def __hash__(self) -> int:
        return hash((self.ranking, self.label))

    def __repr__(self) -> str:
        return f"Prediction(ranking={self.ranking!r}, label={self.label!r})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a prediction does not change: {name}")


def rank(
    probabilities: np.ndarray,
    labels: tuple[str, ...],
    threshold: float,
    top: int,
    temperature: float = 1.0,
    *,
    background: str | None = None,
    familiarity: bool = False,
) -> Prediction:
    """Ranks probabilities; equal ones keep the order of `labels`.

    Args:
        probabilities: float32 (C,), as the network gave them; not to be changed afterwards.
        labels: one for each.
        threshold: calibrated probability under which the answer is "unknown".
        top: how many labels are ranked.
        temperature: of the calibration; see `calibrate`. It does not change the order.
        background: the label that means none of the others; it is ranked, and the answer is "unknown".
        familiarity: whether the probabilities add up to the picture's familiarity; see `ModelCard`.

    Raises:
        InvalidOutput: a probability is NaN or infinite.
    """
    # Either survives a sum, and one of Python's floats cannot overflow; np.isfinite takes ten times as long.
    if not isfinite(sum(probabilities.tolist())):
        raise InvalidOutput("the network gave NaN or infinity; export the model again")
    prediction = Prediction.__new__(Prediction)
    prediction.__dict__["_raw"] = (
        *(probabilities, labels, threshold, top, temperature, background),
        familiarity,
    )
    return prediction


def calibrate(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Softens (temperature over 1) or sharpens probabilities (..., C): p^(1/T), normalised.

    The same as dividing the logits by T before the softmax (Guo et al. 2017), which a device does not have.
    A temperature of 1 leaves them as they are.
    """
    if temperature == 1:
        return probabilities
    with np.errstate(invalid="ignore"):  # infinity becomes NaN
        # Of the largest: the powers of many small probabilities would all be 0.
        powers = (probabilities / probabilities.max(-1, keepdims=True)) ** (1 / temperature)
        return powers / powers.sum(-1, keepdims=True)
