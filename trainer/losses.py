"""What a training makes small, beside the documented cross-entropy, and the accuracy that it shows.

The truth comes as int (N,) classes; with a teacher as float32 (N, 1 + C): the class, then the teacher's
probabilities.
"""

from collections.abc import Callable
from typing import Any

from ..data.backend import keras
from .recipe import Recipe

ops: Any = keras.ops  # Any, because pyright infers that its functions may give None
_LEAST = 1e-7  # as Keras bounds probabilities before their logarithm

Loss = Callable[[Any, Any], Any]


def loss(recipe: Recipe) -> str | Loss:
    """(truth, probabilities (N, C)) to a loss for each image (N,)."""
    if recipe.teacher:
        return distillation(recipe.temperature, recipe.teacher_share, recipe.label_smoothing)
    if recipe.label_smoothing:
        return lambda truth, given: _smoothed(truth, given, recipe.label_smoothing)
    return "sparse_categorical_crossentropy"


def distillation(temperature: float, share: float, label_smoothing: float) -> Loss:
    """The loss of a student (Hinton et al. 2015, section 2).

    `share` of it is how far the student's probabilities are from the teacher's, both softened: a probability
    p becomes p ** (1 / temperature), normalised, which is to divide its logits. Times the temperature
    squared, so that its gradients stay as large as those of the rest. Hinton's cross-entropy less the
    teacher's own entropy (the Kullback-Leibler divergence): the gradients are the same, but a student that
    says what its teacher says has a loss of 0, and its curve fits beside those of val and test.
    """

    def both(truth: Any, given: Any) -> Any:
        theirs = ops.log_softmax(_log(truth[:, 1:]) / temperature)
        ours = ops.log_softmax(_log(given) / temperature)
        imitated = ops.sum(ops.exp(theirs) * (theirs - ours), axis=-1) * temperature**2
        return share * imitated + (1 - share) * _smoothed(truth, given, label_smoothing)

    return both


def accuracy(truth: Any, given: Any) -> Any:
    """Whether the likeliest class is the true one, (N,), for the truth in either form."""
    right = ops.equal(ops.cast(_classes(truth), "int32"), ops.cast(ops.argmax(given, axis=-1), "int32"))
    return ops.cast(right, "float32")


def _smoothed(truth: Any, given: Any, label_smoothing: float) -> Any:
    classes = given.shape[-1]
    labels = ops.one_hot(ops.cast(_classes(truth), "int32"), classes) * (1 - label_smoothing)
    return -ops.sum((labels + label_smoothing / classes) * _log(given), axis=-1)


def _classes(truth: Any) -> Any:
    return truth[:, 0] if len(truth.shape) > 1 else truth  # Keras makes (N,) to (N, 1)


def _log(probabilities: Any) -> Any:
    return ops.log(ops.maximum(ops.cast(probabilities, "float32"), _LEAST))
