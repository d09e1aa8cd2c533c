"""Answers to pictures in folders that are named after labels: their truth is known, so they can be judged.

`edgecls predict` is asked for answers, not for figures. But a network that is wrong about most of such
pictures has probably another scale or order of labels than it was trained with, and says nothing of it.
"""

from pathlib import Path

import numpy as np

from ..edge_runtime.camera.answer import Answer, Sink
from .answers import order_note, weak_answers

_FEWEST = 6
"""Pictures below which nothing is said."""


class AnswersByFolder(Sink):
    """Collects the answers to pictures in folders that are named after labels.

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
        if len(truth) < _FEWEST or len(np.unique(truth)) < 2:
            return None
        return order_note(answers, truth, self._labels) or weak_answers(answers, truth, self._labels)
