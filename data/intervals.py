"""95 % intervals of shares and of differences, and McNemar's test, from scipy."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

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


def at_most(count: int, of: int) -> float:
    """The share, 0 to 1, that is not exceeded with 95 % certainty: Clopper and Pearson's one-sided bound.

    For none of 300 it is 0.01. Needs scipy.
    """
    binomtest = _binomtest()
    if binomtest is None or not of:
        return 1.0
    return float(binomtest(count, of, alternative="less").proportion_ci(LEVEL, method="exact").high)


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
