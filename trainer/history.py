"""What each epoch of a training gave."""

import csv
import io
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figures:
    """How well a network does on a split."""

    loss: float
    """Mean cross-entropy, in nats."""
    accuracy: float
    """Top-1, 0 to 1."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training images."""

    number: int
    """Counted from 1."""
    seconds: float
    """With the evaluation at its end."""
    train: Figures
    """Running means while the weights changed, as Keras reports them."""
    val: Figures
    test: Figures


def figures(probabilities: np.ndarray, truth: np.ndarray) -> Figures:
    """Loss and accuracy of float (N, C) probabilities for int (N,) classes; 1e-7 is Keras's lower bound."""
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    loss = -np.log(np.maximum(of_truth, 1e-7)).mean()
    return Figures(float(loss), float((probabilities.argmax(axis=1) == truth).mean()))


def best_epoch(history: tuple[Epoch, ...]) -> int:
    """The number of the epoch with the lowest loss on the validation split, the first of equals."""
    return min(history, key=lambda epoch: epoch.val.loss).number


def history_csv(history: tuple[Epoch, ...]) -> str:
    """A table with one line for each epoch; `loss` and `accuracy` are of the training split, as in Keras."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    columns = ("loss", "accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy")
    table.writerow(["epoch", *columns, "seconds"])
    for epoch in history:
        values = [
            value for split in (epoch.train, epoch.val, epoch.test) for value in (split.loss, split.accuracy)
        ]
        table.writerow([epoch.number, *(f"{value:.6f}" for value in values), f"{epoch.seconds:.2f}"])
    return file.getvalue()
