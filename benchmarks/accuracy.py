"""Accuracy on the test images, with intervals, by itself and paired with that of Keras."""

from dataclasses import dataclass

import numpy as np

from ..data.intervals import Interval, mcnemar_p, paired_difference, share

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
