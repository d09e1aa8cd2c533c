"""Training report: `report.json` in the folder beside the model, with how it was made and how good it is."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ..data.model_data import REPORT_NAME, report_path
from ..edge_runtime.errors import BadData, MissingInput, UsageError
from ..edge_runtime.files import REPORT_BYTES, read_whole
from ..edge_runtime.images.rule import ImageRule
from ..edge_runtime.schema import Range, Raw, Unlimited, checked, parse_json
from .recipe import Recipe

Count = Annotated[int, Range(0)]


@dataclass(frozen=True)
class Metrics:
    """Loss and accuracy of a network on a split."""

    loss: Annotated[float, Unlimited]
    """Mean cross-entropy, in nats; NaN where a training diverged."""
    accuracy: Annotated[float, Unlimited]
    """Top-1, 0 to 1."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training images."""

    number: Annotated[int, Range(1)]
    """Counted from 1."""
    seconds: Annotated[float, Range(0)]
    """Including the evaluation at its end."""
    train: Metrics
    """Running means while the weights change, as Keras reports them."""
    val: Metrics
    test: Metrics


def metrics(probabilities: np.ndarray, truth: np.ndarray) -> Metrics:
    """Returns loss and accuracy of float (N, C) probabilities for int (N,) classes.

    Probabilities are at least 1e-7 in the logarithm, as in Keras.
    """
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    loss = -np.log(np.maximum(of_truth, 1e-7)).mean()
    return Metrics(float(loss), float((probabilities.argmax(axis=1) == truth).mean()))


def best_epoch(history: tuple[Epoch, ...]) -> int:
    """Returns the number of the epoch with the lowest validation loss, the first of equals."""
    return min(history, key=lambda epoch: epoch.val.loss).number


def history_csv(history: tuple[Epoch, ...]) -> str:
    """Returns a line for each epoch; `loss` and `accuracy` are those of the training split, as in Keras."""
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


@dataclass(frozen=True)
class TrainReport:
    """Everything needed to train the same model again, and the results."""

    data: Annotated[str, Raw]
    """As `--data` takes it: `cifar10`, `digits`, or an absolute path."""
    data_name: Annotated[str, Raw]
    data_sha256: str
    """Over labels, pixels, classes and the split; the model's card has the same."""
    labels: tuple[str, ...]
    train_images: Count
    val_images: Count
    test_images: Count
    skipped: tuple[Annotated[str, Raw], ...]
    """Files that were not usable, each with its reason."""
    image: ImageRule
    recipe: Recipe
    parameters: Count
    epochs_done: Count
    best_epoch: Count
    """The number of the one with the lowest validation loss; early stopping keeps its weights."""
    seconds: Annotated[float, Range(0)]
    """For fitting and evaluation, without reading the data set."""
    train: Metrics
    val: Metrics
    test: Metrics
    """With the saved weights, as `train` and `val` are."""
    versions: dict[str, str]
    """Of Python and the packages that the result depends on."""
    images_of_class: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """By label: in train, val and test. Empty in older reports."""
    teacher_sha256: str | None = None
    """Of the file that the recipe's `teacher` names."""
    split: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The recordings that were found, and where their images went; empty where there are none."""
    warnings: tuple[Annotated[str, Raw], ...] = ()
    """Why the model is worth nothing; empty where it is not."""
    enough: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Whether the pictures are enough, and which to look at: see `enough.examine.record`."""

    @property
    def seed(self) -> int:
        """Of the training and the split."""
        return self.recipe.seed

    @property
    def accuracy(self) -> float:
        """Top-1 on the test split, 0 to 1."""
        return self.test.accuracy

    def to_json(self) -> str:
        """Returns the report as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def read_report(model: Path) -> TrainReport:
    """Reads the report of the training that made `model`.

    Raises:
        MissingInput: there is none.
        BadData: it is damaged.
    """
    path = report_path(model)
    if not path.exists():
        raise MissingInput(f"{path}: no such file; run `edgecls train`, which writes it beside the model")
    return read_report_file(path)


def read_report_file(path: Path) -> TrainReport:
    """Reads a `report.json` by its own path, or that of its folder.

    Raises:
        MissingInput: there is none.
        BadData: it is damaged.
    """
    if path.is_dir():
        path /= REPORT_NAME
    try:
        values = parse_json(read_whole(path, REPORT_BYTES))
        if isinstance(values, dict):  # older reports have neither
            values = {"labels": [], "skipped": [], **values}
        return checked(TrainReport, values, only_known=True)
    except (ValueError, UsageError) as error:
        is_other_file = isinstance(error, UnicodeDecodeError | json.JSONDecodeError)
        reason = "it is not JSON" if is_other_file else str(error)
        raise BadData(
            f"{path}: not a report of this edgecls: {reason}; name a report.json, or train again"
        ) from error
