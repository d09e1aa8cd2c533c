"""The report of a training, `report.json` in the folder beside the model: how it was made, how good it is."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..edge_runtime.errors import BadData, MissingInput
from ..edge_runtime.files import read_whole
from ..edge_runtime.image import ImageRule
from .history import Figures
from .recipe import Recipe

_NAME = "report.json"


@dataclass(frozen=True)
class TrainReport:
    """Everything needed to train the same model again, and what came of it."""

    data: str
    """As `--data` takes it: `cifar10`, `digits`, or an absolute path."""
    data_name: str
    data_sha256: str
    """Over labels, pixels, classes and the split; the model's card has the same."""
    labels: tuple[str, ...]
    train_images: int
    val_images: int
    test_images: int
    skipped: tuple[str, ...]
    """Files that could not be used, each with its reason."""
    image: ImageRule
    recipe: Recipe
    parameters: int
    epochs_done: int
    best_epoch: int
    """The one with the lowest loss on the validation split; early stopping keeps its weights."""
    seconds: float
    """Of fitting and the evaluations between, without reading the data set."""
    train: Figures
    val: Figures
    test: Figures
    """Of the saved weights on each split."""
    versions: dict[str, str]
    """Of Python and the packages that the result depends on."""
    teacher_sha256: str | None = None
    """Of the file that the recipe's `teacher` names."""

    @property
    def seed(self) -> int:
        """Of the training and the split."""
        return self.recipe.seed

    @property
    def accuracy(self) -> float:
        """Top-1 on the test split, 0 to 1."""
        return self.test.accuracy

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def report_folder(model: Path) -> Path:
    """The folder beside a model with the report and the pictures of its training."""
    return model.with_suffix("")


def report_path(model: Path) -> Path:
    """Where the report of a model is."""
    return report_folder(model) / _NAME


def read_report(model: Path) -> TrainReport:
    """Reads the report of the training that made `model`.

    Raises:
        MissingInput: there is none.
        BadData: it is damaged, or of another version.
    """
    path = report_path(model)
    if not path.exists():
        raise MissingInput(f"{path}: no such file; run `edgecls train`, which writes it beside the model")
    return read_report_file(path)


def read_report_file(path: Path) -> TrainReport:
    """Reads a `report.json` by its own path, or that of its folder.

    Raises:
        MissingInput: there is none.
        BadData: it is damaged, or of another version.
    """
    if path.is_dir():
        path /= _NAME
    try:
        values = json.loads(read_whole(path))
        return TrainReport(
            **{
                **values,
                **{name: tuple(values[name]) for name in ("labels", "skipped")},
                **{split: Figures(**values[split]) for split in ("train", "val", "test")},
                "image": ImageRule(**values["image"]),
                "recipe": Recipe.from_values(values["recipe"]),
            }
        )
    except (ValueError, KeyError, TypeError) as error:
        is_other_file = isinstance(error, UnicodeDecodeError | json.JSONDecodeError)
        reason = "it is not JSON" if is_other_file else str(error)
        raise BadData(
            f"{path}: not a report of this edgecls: {reason}; name a report.json, or train again"
        ) from error
