"""The data set that a model was trained on: found again, and proven to be the same."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..edge_runtime.errors import BadData, MissingInput

if TYPE_CHECKING:
    from ..edge_runtime.card import ModelCard
    from ..trainer.data import Dataset


def training_data(model: Path, card: "ModelCard", data: str | None) -> "Dataset":
    """Loads the data set of a trained model, from the report beside it or from `--data`.

    Raises:
        MissingInput: there is no report and no `--data`.
        BadData: the data set has changed since, or its labels are not the model's.
    """
    from ..trainer.data import load_dataset

    seed = int(card.provenance.recipe.get("seed", 0))  # of the split: another would test on training images
    dataset = load_dataset(data or _recorded_data(model), card.image, seed)
    if dataset.labels != card.labels:
        raise BadData(
            f"{dataset.name}: its classes ({', '.join(dataset.labels[:5])}, ...) are not the model's "
            f"({', '.join(card.labels[:5])}, ...); name the data set that it was trained on"
        )
    if dataset.sha256 != card.provenance.data_sha256:
        if data is None:
            raise BadData(
                f"{dataset.name}: has changed since the training (digest {dataset.sha256[:12]}, in the card "
                f"{card.provenance.data_sha256[:12]}); train again, or name the data set with --data"
            )
        print(f"note: {dataset.name} is not the data set that the model was trained on", file=sys.stderr)
    return dataset


def _recorded_data(model: Path) -> str:
    from ..trainer.report import read_report

    try:
        return read_report(model).data
    except MissingInput as error:
        raise MissingInput(f"{error}, or name the data set with --data") from error
