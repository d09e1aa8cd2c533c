"""Losses beside the documented cross-entropy, the accuracy that training shows, and class weights.

The truth is int (N,) classes; with a teacher it is float32 (N, 1 + C): the class, then the teacher's
probabilities.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.backend import keras
from ..data.load import Dataset
from .recipe import Recipe

ops: Any = keras.ops  # Any, because pyright infers that its functions may give None

UNEVEN_RATIO = 3.0
"""Classes are uneven if the largest has at least so many times the training images of the smallest."""
LARGEST_WEIGHT = 10.0
"""The limit for a class weight. Beyond it, a class of three pictures among thousands would dominate its
batches, and what its pictures share by chance would be learnt at the cost of everything else."""
_LEAST = 1e-7  # Keras's bound for probabilities before their logarithm

Loss = Callable[[Any, Any], Any]


def loss(recipe: Recipe) -> str | Loss:
    """Returns a function of (truth, probabilities (N, C)) to losses (N,), or Keras's name of one."""
    if recipe.teacher:
        return distillation(recipe.temperature, recipe.teacher_share, recipe.label_smoothing)
    if recipe.label_smoothing:
        return lambda truth, given: _smoothed(truth, given, recipe.label_smoothing)
    return "sparse_categorical_crossentropy"


def distillation(temperature: float, share: float, label_smoothing: float) -> Loss:
    """Returns the loss of a student (Hinton et al. 2015, section 2).

    `share` of it measures how far the student's probabilities are from the teacher's, both softened: a
    probability p becomes p ** (1 / temperature), normalised, which divides its logit. It is multiplied by the
    temperature squared, so that its gradients stay as large as those of the rest. It is Hinton's
    cross-entropy less the teacher's own entropy (the Kullback-Leibler divergence): the gradients are the
    same, but a student that equals its teacher has a loss of 0, so that its curve can be drawn beside those
    of val and test.
    """

    def both(truth: Any, given: Any) -> Any:
        theirs = ops.log_softmax(_log(truth[:, 1:]) / temperature)
        ours = ops.log_softmax(_log(given) / temperature)
        imitated = ops.sum(ops.exp(theirs) * (theirs - ours), axis=-1) * temperature**2
        return share * imitated + (1 - share) * _smoothed(truth, given, label_smoothing)

    return both


def accuracy(truth: Any, given: Any) -> Any:
    """Returns whether the most likely class is the true one, (N,), for either form of the truth."""
    right = ops.equal(ops.cast(_classes(truth), "int32"), ops.cast(ops.argmax(given, axis=-1), "int32"))
    return ops.cast(right, "float32")


def class_weights(truth: np.ndarray, classes: int) -> np.ndarray:
    """Returns the weight of each class: images / (classes * images of the class), at most `LARGEST_WEIGHT`.

    This is scikit-learn's `class_weight="balanced"` (King and Zeng 2001). Where no weight is limited, each
    class counts the same in total, and the mean over the images is 1, so that the learning rate keeps its
    meaning.

    Args:
        truth: int (N,), the class of each training image.
        classes: the number of classes.

    Returns:
        float64 (C,); 0 for a class without images.
    """
    counts = np.bincount(truth, minlength=classes)
    balanced = len(truth) / (classes * np.maximum(counts, 1))
    return np.where(counts > 0, np.minimum(balanced, LARGEST_WEIGHT), 0.0)


def imbalance_line(dataset: Dataset, balance: bool) -> str | None:
    """Returns a note for `train` if the training images are uneven, else None.

    Args:
        dataset: its training images are counted.
        balance: whether the recipe uses class weights.
    """
    counts = np.bincount(dataset.train.truth, minlength=len(dataset.labels))
    few, many = int(counts.argmin()), int(counts.argmax())
    if counts[many] < UNEVEN_RATIO * counts[few]:
        return None
    weights = "class weights balance them" if balance else "--balance uses class weights"
    return (
        f"uneven classes: {dataset.labels[many]} has {counts[many]:,} training images, "
        f"{dataset.labels[few]} has {counts[few]:,}; {weights}; more pictures of "
        f"{dataset.labels[few]} are better"
    )


def _smoothed(truth: Any, given: Any, label_smoothing: float) -> Any:
    classes = given.shape[-1]
    labels = ops.one_hot(ops.cast(_classes(truth), "int32"), classes) * (1 - label_smoothing)
    return -ops.sum((labels + label_smoothing / classes) * _log(given), axis=-1)


def _classes(truth: Any) -> Any:
    return truth[:, 0] if len(truth.shape) > 1 else truth  # Keras makes (N, 1) of (N,)


def _log(probabilities: Any) -> Any:
    return ops.log(ops.maximum(ops.cast(probabilities, "float32"), _LEAST))
