"""Examples: pictures by their features, and a quick classifier that never saw what it judges.

The classifier is linear, fitted to one-hot labels by least squares with a small penalty. It is as good on a
pretrained network's features as a logistic one, and what it would answer without a group of pictures follows
from one fit with them (Allen's PRESS, 1974, for groups): every picture is judged by all others, in the time
of one fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

MOST_DIMENSIONS = 512
"""Of features: the directions in which they differ most."""
_PENALTY = 1.0
"""Of the squared weights, for features of length 1."""
_FEWEST_GROUPS = 4
_LARGEST_SHARE = 0.5
"""A group with more of its class leaves too little to judge it by."""


@dataclass(frozen=True)
class Examples:
    """Pictures as they are examined."""

    features: np.ndarray
    """float64 (N, D), each of length 1 before their mean was taken off, and an almost constant last one."""
    truth: np.ndarray
    """int64 (N,), their labels' numbers."""
    groups: np.ndarray
    """int64 (N,): pictures of one group are judged without one another; numbered from 0."""
    classes: int

    def __len__(self) -> int:
        return len(self.truth)


def examples(features: np.ndarray, truth: np.ndarray, groups: np.ndarray, classes: int) -> Examples:
    """Returns examples of float (N, D) features, as a network gives them, whatever their scale."""
    values = np.asarray(features, np.float64)
    values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    values = values - values.mean(axis=0)
    if min(values.shape) > MOST_DIMENSIONS:
        _, directions = np.linalg.eigh(values.T @ values)
        values = values @ directions[:, -MOST_DIMENSIONS:]
    constant = np.full((len(values), 1), 10 * max(float(values.std()), 1e-6))
    return Examples(
        np.hstack([values, constant]),
        np.asarray(truth, np.int64),
        np.unique(groups, return_inverse=True)[1],
        classes,
    )


def divisible(levels: Sequence[np.ndarray], truth: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Returns groups so that no class lies in too few of them, and the classes whose groups were divided.

    Args:
        levels: int (N,) each, from groups such as recordings to finer ones such as bursts.
        truth: int (N,), classes.

    Returns:
        int64 (N,): each class by the first level that leaves enough of it outside each group, else picture by
        picture; and the classes that needed another level than the first.
    """
    numbers, loosened = levels[0].astype(np.int64), list[int]()
    for label in np.unique(truth):
        members = np.flatnonzero(truth == label)
        fitting = [turn for turn, level in enumerate(levels) if _is_divisible(level[members])]
        if 0 not in fitting:
            finer = levels[fitting[0]] if fitting else np.arange(len(truth))
            loosened.append(int(label))
            numbers[members] = numbers.max() + 1 + finer[members]
    return np.unique(numbers, return_inverse=True)[1], tuple(loosened)


def _is_divisible(groups: np.ndarray) -> bool:
    counts = np.unique(groups, return_counts=True)[1]
    return len(counts) >= _FEWEST_GROUPS and counts.max() <= _LARGEST_SHARE * len(groups)


def scores_by_others(of: Examples, weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the scores of each class, float64 (N, C), about 1 or 0, by a fit to all other groups' pictures.

    Args:
        of: the examples.
        weights: of the pictures in the fit, float (N,), 0 to 1; None: all the same.
    """
    values, targets = of.features, np.eye(of.classes)[of.truth]
    weights = np.ones(len(of)) if weights is None else weights
    weighted = values * weights[:, np.newaxis]
    penalty = _PENALTY * np.eye(values.shape[1])
    inverse = np.linalg.inv(weighted.T @ values + penalty)
    found = values @ (inverse @ (weighted.T @ targets))
    spread = values @ inverse
    by_others = np.empty_like(found)
    order = np.argsort(of.groups, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(of.groups[order])) + 1):
        pull = spread[members] @ weighted[members].T  # of each picture's own group on its score
        left = found[members] - pull @ targets[members]
        by_others[members] = np.linalg.solve(np.eye(len(members)) - pull, left)
    return by_others


def answers(of: Examples, fitted: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Returns the best classes, int64 (A,), for the pictures `asked` by a fit to the pictures `fitted`.

    Both are int arrays of places.
    """
    values, targets = of.features[fitted], np.eye(of.classes)[of.truth[fitted]]
    if len(values) < values.shape[1]:  # the same by the smaller matrix
        factor = cho_factor(values @ values.T + _PENALTY * np.eye(len(values)))
        weights = values.T @ cho_solve(factor, targets)
    else:
        factor = cho_factor(values.T @ values + _PENALTY * np.eye(values.shape[1]))
        weights = cho_solve(factor, values.T @ targets)
    return (of.features[asked] @ weights).argmax(axis=1)


def log_probabilities(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns natural logarithms of probabilities, float64 (N, C), as steep as the labels bear out.

    The one steepness is that of the highest likelihood if some labels, a share that is found too, are wrong:
    without that share, a few wrong labels would make all others look doubtful.

    Args:
        scores: float (N, C).
        truth: int (N,), labels of which most are right.
    """
    places = np.arange(len(truth))

    def likelihood(steepness: float) -> float:
        right = np.exp(log_softmax(steepness * scores)[places, truth])
        return max(
            float(np.log((1 - wrong) * right + wrong / scores.shape[1]).mean()) for wrong in _WRONG_SHARES
        )

    return log_softmax(max(_STEEPNESSES, key=likelihood) * scores)


_STEEPNESSES = tuple(np.geomspace(1, 200, 40).tolist())
"""Factors for scores: with the last, a difference of 0.05 is certainty."""
_WRONG_SHARES = (1e-4, 0.003, 0.01, 0.03, 0.1)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Returns natural logarithms of the probabilities of logits, float (N, C)."""
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
