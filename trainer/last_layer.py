"""The last layer of a network, fitted on features: multinomial logistic regression (Cox 1958)."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..edge_runtime.errors import Unavailable
from .report import Metrics, metrics

try:
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits
except ImportError as error:
    raise Unavailable(f'training needs scikit-learn ({error}); run `pip install "edgecls[train]"`') from error

STRENGTHS = (3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)
"""Of the L2 penalty, for features of mean length 1; the first is the strongest. Weaker ones fit the training
pictures no better, but their large weights lose accuracy in int8."""
_LEAST_VAL_OF_CLASS = 10
"""Validation images of each class, on average, below which strengths are compared by cross-validation."""
_FOLDS = 5
_STEPS = 200
_TOGETHER = 8192
"""Features that become float32 at once."""


@dataclass(frozen=True)
class LastLayer:
    """Weights of a dense layer with softmax."""

    kernel: np.ndarray
    """float32 (D, C)."""
    bias: np.ndarray
    """float32 (C,)."""

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Returns float32 (N, C), each row summing to 1."""
        given = [np.exp(_log_softmax(part @ self.kernel + self.bias)) for part in _parts(features)]
        return np.concatenate(given)

    def metrics(self, features: np.ndarray, truth: np.ndarray) -> Metrics:
        """Returns loss and accuracy for int (N,) classes."""
        return metrics(self.probabilities(features), truth)


def mean_length(features: np.ndarray) -> float:
    """Returns the mean length of float (N, D) vectors; at least a little, as it is divided by."""
    return max(float(np.mean([np.linalg.norm(part, axis=1).mean() for part in _parts(features)])), 1e-6)


def fit_last_layer(
    views: Sequence[np.ndarray],
    truth: np.ndarray,
    strength: float,
    class_weights: np.ndarray,
    start: LastLayer | None = None,
) -> LastLayer:
    """Fits the last layer by L-BFGS.

    Args:
        views: features of the same pictures in several views, each float (N, D).
        truth: int (N,), their classes.
        strength: of the L2 penalty on the kernel, for features of mean length 1.
        class_weights: float (C,), how much a picture of each class counts.
        start: where to begin, such as the layer for fewer views.
    """
    length, size = mean_length(views[0]), (views[0].shape[1], len(class_weights))
    weights = class_weights[truth] / (class_weights[truth].sum() * len(views))
    first = np.zeros(size[0] * size[1] + size[1])
    if start:
        first = np.concatenate([start.kernel.ravel() * length, start.bias]).astype(np.float64)
    # Features of one size are not made anew at each step where memory allows.
    kept = [[*_parts(view)] for view in views] if len(truth) * len(views) <= _KEPT_ROWS else None

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        kernel = values[: -size[1]].reshape(size).astype(np.float32)
        bias = values[-size[1] :].astype(np.float32)
        total, of_kernel, of_bias = 0.0, np.zeros(size, np.float32), np.zeros(size[1], np.float32)
        for view in kept or views:
            row = 0
            for part in view if kept else _parts(view):  # pyright: ignore[reportArgumentType]
                chosen = slice(row, row + len(part))
                row += len(part)
                logs = _log_softmax(part @ (kernel / length) + bias)
                places = np.arange(len(part)), truth[chosen]
                total -= float((weights[chosen] * logs[places]).sum())
                wrong = np.exp(logs)
                wrong[places] -= 1
                wrong *= weights[chosen, np.newaxis].astype(np.float32)
                of_kernel += part.T @ wrong / length
                of_bias += wrong.sum(axis=0)
        total += strength / 2 * float((kernel**2).sum())
        return total, np.concatenate([(of_kernel + strength * kernel).ravel(), of_bias]).astype(np.float64)

    options = {"maxiter": _STEPS, "ftol": 1e-7, "gtol": 1e-6}
    with threadpool_limits(1):  # for so narrow matrices, threads wait for each other, at full load
        found = minimize(loss, first, jac=True, method="L-BFGS-B", options=options).x.astype(np.float32)
    return LastLayer(found[: -size[1]].reshape(size) / np.float32(length), found[-size[1] :])


_KEPT_ROWS = 50_000
"""Features of so many pictures and views stay in memory as float32: 256 MB for 1,280 each."""


def chosen_strength(
    train: np.ndarray, truth: np.ndarray, val: np.ndarray, val_truth: np.ndarray, class_weights: np.ndarray
) -> float:
    """Returns the strength with the lowest loss on the validation split, or, if that is small, across folds.

    Args:
        train: features of the training pictures, float (N, D).
        truth: int (N,), their classes.
        val: of the validation pictures.
        val_truth: their classes.
        class_weights: see `fit_last_layer`.
    """
    if len(val) >= _LEAST_VAL_OF_CLASS * len(class_weights):
        pairs = [(train, truth, val, val_truth)]
    else:
        pairs = [*_folds(train, truth)]
    best, least = STRENGTHS[len(STRENGTHS) // 2], math.inf
    layers: list[LastLayer | None] = [None] * len(pairs)
    for strength in STRENGTHS if pairs else ():
        total = 0.0
        for place, (fitted, of_fitted, held, of_held) in enumerate(pairs):
            layer = fit_last_layer([fitted], of_fitted, strength, class_weights, layers[place])
            layers[place] = layer
            total += layer.metrics(held, of_held).loss
        if total > least:  # weaker ones are worse still
            break
        best, least = strength, total
    return best


def _folds(features: np.ndarray, truth: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields (features, truth) of all other folds and of one fold; none where a class has a single picture.

    Pictures that follow one another, such as those of a burst, are in the same fold.
    """
    fold = np.zeros(len(truth), np.int64)
    for label in np.unique(truth):
        of_label = np.flatnonzero(truth == label)
        if len(of_label) < 2:
            return
        fold[of_label] = np.arange(len(of_label)) * min(_FOLDS, len(of_label)) // len(of_label)
    for number in range(_FOLDS):
        held = fold == number
        if held.any():
            yield features[~held], truth[~held], features[held], truth[held]


def _parts(features: np.ndarray) -> Iterator[np.ndarray]:
    """Yields all features in order, as float32."""
    for start in range(0, len(features), _TOGETHER):
        yield np.asarray(features[start : start + _TOGETHER], np.float32)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    below = logits - logits.max(axis=1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True))
