"""The data set that a model was trained on: found again, and checked to be the same."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from ..edge_runtime.errors import BadData, MissingInput, UsageError
from ..edge_runtime.files import REPORT_BYTES, read_whole
from ..edge_runtime.models.card import ModelCard
from ..edge_runtime.schema import Raw, checked, parse_json
from .load import WARNING, Dataset, is_path, load_dataset, load_unlabelled, with_labels
from .pictures import OnImage

REPORT_NAME = "report.json"
"""The report of a training, in the folder beside its model."""


def training_data(
    model: Path, card: ModelCard, data: str | None, on_image: OnImage = lambda _done, _total: None
) -> Dataset:
    """Loads the data set of a trained model, named by the report beside it or by `--data`.

    Args:
        model: its path.
        card: its card.
        data: `--data`, or None.
        on_image: see `load_dataset`.

    Returns:
        The data set, its classes in the order of the model's labels; where it is another than the training's,
        one of its warnings says so.

    Raises:
        MissingInput: neither a report nor `--data`.
        BadData: the data set has changed since the training, or its labels are not the model's.
    """
    seed = card.provenance.seed  # of the split: any other would test on training images
    source = data or _recorded_data(model)
    dataset = _in_order(load_dataset(source, card.image, seed, on_image, labels=card.labels), card)
    if dataset.split_record and dataset.sha256 != card.provenance.data_sha256:
        # The first version did not know recordings: its test images are found by its own split only.
        earlier = load_dataset(source, card.image, seed, on_image, labels=card.labels, by_recording=False)
        earlier = _in_order(earlier, card)
        dataset = earlier if earlier.sha256 == card.provenance.data_sha256 else dataset
    if dataset.sha256 != card.provenance.data_sha256:
        if data is None:
            raise BadData(
                f"{dataset.name}: has changed since the training (digest {dataset.sha256[:12]}, the card has "
                f"{card.provenance.data_sha256[:12]}); train again, or name the data set with --data"
            )
        known = card.provenance.data_sha256
        warning = f"{WARNING}{dataset.name} is not the data set that the model was trained on"
        if not known:
            warning = f"{WARNING}whether the model was trained on pictures of {dataset.name} is not known"
        return replace(dataset, notes=(*dataset.notes, warning))
    return dataset


def check_foreign_data(model: Path, data: str | None, calibration: Path | None) -> None:
    """Checks, before a model made elsewhere is loaded, that there are pictures for it.

    Raises:
        UsageError: neither a data set nor a folder was given, or both.
        MissingInput: the folder does not exist.
    """
    if (data is None) == (calibration is None):
        raise UsageError(
            f"{model}: a model made elsewhere needs pictures to compare on; give --data (a data set of its "
            "classes) or --calibration (a folder of pictures like those it will see)"
        )
    if calibration is not None and not calibration.exists():
        raise MissingInput(f"{calibration}: no such folder; name a folder of pictures")


def foreign_data(card: ModelCard, data: str | None, calibration: Path | None) -> Dataset:
    """Loads pictures for a model made elsewhere: a data set of its classes, or a folder without labels.

    Raises:
        BadData: the data set's classes are not the model's labels.
    """
    if calibration is not None:
        return load_unlabelled(calibration, card.image)
    return _in_order(load_dataset(data or "", card.image, 0, labels=card.labels), card)


def _in_order(dataset: Dataset, card: ModelCard) -> Dataset:
    """Returns the data set with its classes numbered as the model's labels; folders come by the alphabet.

    Raises:
        BadData: its classes are others.
    """
    if set(dataset.labels) != set(card.labels):
        raise BadData(
            f"{dataset.name}: its classes ({', '.join(dataset.labels[:5])}, ...) are not the model's "
            f"({', '.join(card.labels[:5])}, ...); name the data set that it was trained on"
        )
    return dataset if dataset.labels == card.labels else with_labels(dataset, card.labels)


def report_folder(model: Path) -> Path:
    """Returns the folder beside a model for the report and the plots of its training."""
    return model.with_suffix("")


def report_path(model: Path) -> Path:
    """Returns the path of a model's report."""
    return report_folder(model) / REPORT_NAME


@dataclass(frozen=True)
class _RecordedData:
    """What is read of a report."""

    data: Annotated[str, Raw]


def _recorded_data(model: Path) -> str:
    path = report_path(model)
    if not path.exists():
        raise MissingInput(
            f"{path}: no such file; run `edgecls train`, which writes it beside the model, "
            "or name the data set with --data"
        )
    try:
        data = checked(_RecordedData, parse_json(read_whole(path, REPORT_BYTES))).data
    except ValueError as error:
        raise BadData(
            f"{path}: not a report of a training: {error}; name the data set with --data"
        ) from error
    if is_path(data) and not Path(data).exists():
        raise MissingInput(
            f"{data}: no such file or folder, but {model} was trained on it; name its new place with --data"
        )
    return data
