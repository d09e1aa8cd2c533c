"""Answers that are worth nothing: always the same class, or no better than chance."""

import math

import numpy as np

NEARLY_ALL = 0.98
"""A share of answers "unknown" above which a model answers nothing."""
_FEWEST = 4
"""Images below which chance explains anything, also that all are right."""


def answers_nothing(threshold: float, unanswered: float) -> bool:
    """Whether nearly all are below the threshold, as where none reached the target precision."""
    return threshold >= 1 or unanswered > NEARLY_ALL


def weak_answers(answers: np.ndarray, truth: np.ndarray, labels: tuple[str, ...]) -> str | None:
    """Returns what is wrong with a network's answers, if they are worth nothing; else None.

    Recalls are averaged over the classes, so that a large class cannot hide it.

    Args:
        answers: int (N,), the best class for each image.
        truth: int (N,), the true classes.
        labels: names of the classes.
    """
    counts = np.bincount(truth, minlength=len(labels))
    present = np.flatnonzero(counts)
    if len(truth) < _FEWEST or len(present) < 2:
        return None
    if len(np.unique(answers)) == 1:
        return f"every test image is taken for {labels[int(answers[0])]}"
    recall = float(np.mean([(answers[truth == index] == index).mean() for index in present]))
    chance = 1 / len(labels)
    error = math.sqrt(chance * (1 - chance) * float((1 / counts[present]).sum())) / len(present)
    if recall > chance + error:
        return None
    return (
        f"an average recall of {recall:.0%} for {len(labels)} classes is not clearly better than chance "
        f"({chance:.0%}) on {len(truth):,} test images"
    )
