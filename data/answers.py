"""Answers that are worth nothing: always the same class, no better than chance, or right in another order."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..edge_runtime.camera.answer import Answer, Sink
from .intervals import mcnemar_p

NEARLY_ALL = 0.98
"""A share of answers "unknown" above which a model answers nothing."""
_FEWEST = 4
"""Images below which chance explains anything, also that all are right."""
_FEWEST_IN_FOLDERS = 6
"""Pictures of `AnswersByFolder` below which nothing is said."""


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
    chance = 1 / len(present)  # what one gets who always says the same
    error = math.sqrt(chance * (1 - chance) * float((1 / counts[present]).sum())) / len(present)
    if recall > chance + error:
        return None
    return (
        f"an average recall of {recall:.0%} for {len(present)} classes is not clearly better than chance "
        f"({chance:.0%}) on {len(truth):,} test images"
    )


# Labels in another order than the network's outputs: the commonest accident with a file made elsewhere.

_FOLDS = 10
_MANY_CLASSES = 100
"""Above which an assignment takes long, and two folds have to do."""
_BY_CHANCE = 0.05
_FAR_POINTS = 0.05
"""Accuracy, 0 to 1, by which another order has to be better to be worth a word."""


@dataclass(frozen=True)
class LabelOrder:
    """The order of the labels that fits a network's answers best."""

    shows: dict[int, int]
    """By the number of an output: the label of the pictures that it is the answer to; only of labels that
    have pictures."""
    right: np.ndarray
    """bool (N,): which pictures are right in this order, each judged by the order that the others show."""

    def reordered(self, labels: tuple[str, ...]) -> tuple[str, ...] | None:
        """Returns all labels in this order; None where labels without pictures leave it open."""
        order = {output: labels[label] for output, label in self.shows.items()}
        by_name = tuple(sorted(labels))
        if all(by_name[output] == name for output, name in order.items()):
            return by_name
        left_places = [place for place in range(len(labels)) if place not in order]
        left_names = [name for name in labels if name not in order.values()]
        if len(left_places) > 1 and any(labels[place] not in left_names for place in left_places):
            return None
        names = dict(zip(left_places, left_names, strict=True)) if len(left_places) == 1 else {}
        return tuple(order.get(place) or names.get(place) or labels[place] for place in range(len(labels)))


def best_order(answers: np.ndarray, truth: np.ndarray) -> LabelOrder | None:
    """Returns the one-to-one order of labels that makes most answers right; None without scipy.

    With many labels some order is always better than the given one, by chance. So each tenth of the pictures
    is judged by the order that the other nine tenths show; each half by the other's where classes are many.

    Args:
        answers: int (N,), the best output for each picture.
        truth: int (N,), the number of its label.
    """
    right = np.zeros(len(truth), bool)
    labels, counts = np.unique(truth, return_counts=True)
    folds = min(_FOLDS if len(labels) <= _MANY_CLASSES else 2, int(counts.max()))
    if folds < 2:
        return LabelOrder(_assigned(answers, truth) or {}, right)
    fold_of = np.zeros(len(truth), int)
    for label in labels:  # of each class as many in each fold
        places = np.flatnonzero(truth == label)
        fold_of[places] = np.arange(len(places)) % folds
    for fold in range(folds):
        inside = fold_of == fold
        shows = _assigned(answers[~inside], truth[~inside])
        if shows is None:
            return None
        right[inside] = [
            shows.get(int(answer)) == label
            for answer, label in zip(answers[inside], truth[inside], strict=True)
        ]
    return LabelOrder(_assigned(answers, truth) or {}, right)


def is_far_better(right: np.ndarray, than: np.ndarray) -> bool:
    """Whether answers are right so much more often than others that chance does not explain it.

    Args:
        right: bool (N,), which answers are right.
        than: bool (N,), the same of the others, for the same pictures.
    """
    gained, lost = int((right & ~than).sum()), int((than & ~right).sum())
    p = mcnemar_p(gained, lost)
    return p is not None and p < _BY_CHANCE and gained - lost >= _FAR_POINTS * len(right)


def order_note(answers: np.ndarray, truth: np.ndarray, labels: tuple[str, ...]) -> str | None:
    """Returns what is wrong with the order of the labels, where another one fits the answers far better."""
    found = best_order(answers, truth)
    right = answers == truth
    if found is None or not is_far_better(found.right, right):
        return None
    names = found.reordered(labels)
    order = f", such as {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}" if names else ""
    return (
        f"with its labels in another order{order}, {found.right.mean():.0%} of the answers are right, and "
        f"{right.mean():.0%} as they are; check the order of the labels"
    )


def _assigned(answers: np.ndarray, truth: np.ndarray) -> dict[int, int] | None:
    """Returns the label for each output, one to one, that makes most answers right; None without scipy."""
    try:
        from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - half a second, and not on a device
    except ImportError:
        return None
    labels = np.unique(truth)
    outputs = np.union1d(labels, answers)
    counts = np.zeros((len(labels), len(outputs)))
    np.add.at(counts, (np.searchsorted(labels, truth), np.searchsorted(outputs, answers)), 1)
    counts[np.arange(len(labels)), np.searchsorted(outputs, labels)] += 0.5  # as given, where nothing tells
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return {int(outputs[column]): int(labels[row]) for row, column in zip(rows, columns, strict=True)}


class AnswersByFolder(Sink):
    """Collects the answers to pictures in folders that are named after labels: their truth is known.

    `edgecls predict` is asked for answers, not for figures. But a network that is wrong about most of such
    pictures has probably another scale or order of labels than it was trained with, and says nothing of it.

    Args:
        labels: of the model.
    """

    name = "the judgement of the answers"

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._numbers = {label.casefold(): number for number, label in enumerate(labels)}
        self._answers: list[int] = []
        self._truth: list[int] = []

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        number = self._numbers.get(Path(answer.frame.name).parent.name.casefold())
        if number is not None:
            self._truth.append(number)
            self._answers.append(int(answer.prediction.probabilities.argmax()))

    @property
    def doubt(self) -> str | None:
        """What is wrong with the answers, in words; None where nothing is, or nothing is known."""
        answers, truth = np.array(self._answers, int), np.array(self._truth, int)
        if len(truth) < _FEWEST_IN_FOLDERS or len(np.unique(truth)) < 2:
            return None
        return order_note(answers, truth, self._labels) or weak_answers(answers, truth, self._labels)
