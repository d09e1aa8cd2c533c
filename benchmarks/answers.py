"""Each image's answer as a short text in a report: another machine's answers are paired with them later."""

import base64
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Answers:
    """A file's best labels of all test images, and how sure it was: 4 kB of JSON for 1,000 images."""

    labels: str
    """Places of classes, uint16, little-endian, base64."""
    confidences: str
    """Probabilities in steps of 1/255, at least one, uint8, base64."""


def to_answers(probabilities: np.ndarray) -> Answers:
    """Keeps of float32 (N, C) probabilities what pairing needs."""
    steps = np.clip(np.round(probabilities.max(axis=1) * 255), 1, 255)
    return Answers(_text(probabilities.argmax(axis=1).astype("<u2")), _text(steps.astype(np.uint8)))


def to_probabilities(answers: Answers, classes: int) -> np.ndarray:
    """Float32 (N, C) with the same best labels; 0 but for these.

    Raises:
        ValueError: not what `to_answers` made, or of more classes.
    """
    labels = np.frombuffer(base64.b64decode(answers.labels, validate=True), "<u2")
    steps = np.frombuffer(base64.b64decode(answers.confidences, validate=True), np.uint8)
    if len(labels) != len(steps) or (len(labels) and labels.max() >= classes):
        raise ValueError(f"{len(labels)} labels, {len(steps)} confidences")
    probabilities = np.zeros((len(labels), classes), np.float32)
    probabilities[np.arange(len(labels)), labels] = steps / 255
    return probabilities


def _text(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()
