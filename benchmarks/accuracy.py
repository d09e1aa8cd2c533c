"""Accuracy on the test images, with intervals, by itself and paired with that of Keras."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

# 95 % intervals and McNemar's test, from scipy.

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


def share(count: int, of: int) -> Interval | None:
    """The interval of a share such as accuracy, 0 to 1: Wilson's score interval (1927).

    None where scipy is not installed, as on a device: its 40 MB are for a workstation.
    """
    binomtest = _binomtest()
    if binomtest is None:
        return None
    found = binomtest(count, of).proportion_ci(LEVEL, method="wilson")
    return Interval(float(found.low), float(found.high))


def percentage(value: float, low: object, high: object) -> str:
    """A share, 0 to 1, in percent with its interval: `98.14 (95.7-99.2)`, or alone where an end is no number.

    An interval near 0 or 100 % is longer on one side, so that a single number after ± would be wrong.
    """
    if not (isinstance(low, float | int) and isinstance(high, float | int)):
        return f"{100 * value:.2f}"
    return f"{100 * value:.2f} ({100 * low:.1f}-{100 * high:.1f})"


def paired_difference(gained: int, lost: int, of: int) -> Interval | None:
    """The interval of the difference of two shares of the same images, -1 to 1.

    Only the images on which the two disagree tell anything. Given their number, those gained are binomial;
    the exact interval of Clopper and Pearson (1934) of their share is scaled to all images. So it lies
    beside zero just where McNemar's exact test finds a difference.

    Args:
        gained: images that are right now and were wrong.
        lost: images that are wrong now and were right.
        of: all images.
    """
    binomtest = _binomtest()
    if binomtest is None:
        return None
    differing = gained + lost
    if not differing:
        return Interval(0.0, 0.0)
    found = binomtest(gained, differing).proportion_ci(LEVEL, method="exact")
    return Interval(*(float((2 * bound - 1) * differing / of) for bound in (found.low, found.high)))


def paired_mean(differences: np.ndarray) -> Interval:
    """The interval of the mean of differences (N,), one for each image: its standard error is the images'.

    For answers to several versions of each image: these resemble each other, so that images are what chance
    draws, not answers. Needs the hundred images or so from which a mean is normally distributed.
    """
    mean = float(differences.mean())
    reach = NormalDist().inv_cdf(0.5 + LEVEL / 2) * float(differences.std()) / math.sqrt(len(differences))
    return Interval(mean - reach, mean + reach)


def mcnemar_p(gained: int, lost: int) -> float | None:
    """McNemar's exact p (1947): how often chance alone would divide the differing images so unevenly."""
    binomtest = _binomtest()
    if binomtest is None:
        return None
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def _binomtest() -> Callable[..., Any] | None:
    try:
        from scipy.stats import binomtest  # noqa: PLC0415 - half a second, and not on a device
    except ImportError:
        return None
    return binomtest


BINS = 15
"""Of confidence, for the calibration error, as in Guo et al. (2017)."""
SMALLEST_PROBABILITY = 1e-7
"""For the loss: int8 outputs round small ones to 0, whose logarithm would be infinite. Keras's own bound."""


@dataclass(frozen=True)
class Flip:
    """A test image that Keras classifies correctly and a file does not, or the reverse."""

    image: int
    """Its place among the test images."""
    truth: int
    keras: int
    """Keras's best label."""
    keras_probability: float
    """That Keras gave it, 0 to 1."""
    answer: int
    """The file's best label."""
    probability: float
    """That the file gave it, 0 to 1."""

    @property
    def is_lost(self) -> bool:
        """Whether the file is the one that is wrong."""
        return self.answer != self.truth


@dataclass(frozen=True)
class PairedReport:
    """One file compared with the Keras original, image by image."""

    difference_points: float
    """Accuracy minus that of Keras, in percentage points."""
    interval_points: Interval | None
    """Of the difference; None without scipy."""
    p_value: float | None
    """McNemar's exact; None without scipy."""
    agreement: float
    """The share of images with the same best label, 0 to 1."""
    gained: tuple[int, ...]
    """Positions of the test images that this file classifies correctly and Keras does not."""
    lost: tuple[int, ...]
    """Positions of those that Keras classifies correctly and this file does not."""
    flips: tuple[Flip, ...] = ()
    """Both together, with the answers; in the order of the test images."""


@dataclass(frozen=True)
class AccuracyReport:
    """One file's accuracy on the test images."""

    correct: int
    images: int
    interval: Interval | None = None
    """Of the accuracy, 0 to 1; None without scipy."""
    loss: float | None = None
    """Mean cross-entropy in nats."""
    calibration_error: float | None = None
    """Expected calibration error, 0 to 1: how far confidence and accuracy are apart, over `BINS` bins."""
    confusion: tuple[tuple[int, ...], ...] = ()
    """Images by true class (row) and best label (column)."""
    paired: PairedReport | None = None
    """None without Keras."""

    @property
    def accuracy(self) -> float:
        """The share of images whose best label is right, 0 to 1."""
        return self.correct / self.images

    @property
    def recalls(self) -> tuple[float | None, ...]:
        """For each class, the share of its images that were recognised; None where it has none."""
        return tuple(row[place] / sum(row) if sum(row) else None for place, row in enumerate(self.confusion))


def score(
    probabilities: np.ndarray, truth: np.ndarray, keras_probabilities: np.ndarray | None
) -> AccuracyReport:
    """Scores one file.

    Args:
        probabilities: float32 (N, C), finite.
        truth: int64 (N,).
        keras_probabilities: float32 (N, C) of the original; None for the original itself, or without one.
    """
    best = probabilities.argmax(axis=1)
    is_right = best == truth
    correct, images, classes = int(is_right.sum()), len(truth), probabilities.shape[1]
    confusion = np.bincount(truth * classes + best, minlength=classes**2).reshape(classes, classes)
    of_truth = probabilities[np.arange(images), truth].clip(SMALLEST_PROBABILITY, 1)
    return AccuracyReport(
        correct,
        images,
        interval=share(correct, images),
        loss=float(-np.log(of_truth, dtype=np.float64).mean()),
        calibration_error=_calibration_error(probabilities.max(axis=1), is_right),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        paired=None if keras_probabilities is None else _pair(probabilities, keras_probabilities, truth),
    )


def _pair(probabilities: np.ndarray, keras_probabilities: np.ndarray, truth: np.ndarray) -> PairedReport:
    best, keras_best = probabilities.argmax(axis=1), keras_probabilities.argmax(axis=1)
    is_right, keras_is_right = best == truth, keras_best == truth
    gained, lost = np.flatnonzero(is_right & ~keras_is_right), np.flatnonzero(~is_right & keras_is_right)
    counts, images = (len(gained), len(lost)), len(truth)
    interval = paired_difference(*counts, images)
    return PairedReport(
        difference_points=100 * (counts[0] - counts[1]) / images,
        interval_points=interval and Interval(100 * interval.low, 100 * interval.high),
        p_value=mcnemar_p(*counts),
        agreement=float((best == keras_best).mean()),
        gained=tuple(map(int, gained)),
        lost=tuple(map(int, lost)),
        flips=tuple(
            Flip(
                image=int(place),
                truth=int(truth[place]),
                keras=int(keras_best[place]),
                keras_probability=float(keras_probabilities[place].max()),
                answer=int(best[place]),
                probability=float(probabilities[place].max()),
            )
            for place in np.flatnonzero(is_right != keras_is_right)
        ),
    )


def _calibration_error(confidence: np.ndarray, is_right: np.ndarray) -> float:
    """Naeini et al. (2015): the mean gap between confidence and accuracy, each bin by its images."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - is_right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))
