"""What one trial gave, as it is kept beside its files."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..edge_runtime.errors import BadData
from ..edge_runtime.files import read_whole
from .grid import Point, point_from

NAME = "trial.json"


@dataclass(frozen=True)
class FileRecord:
    """One int8 file."""

    file: str
    """Its name, in the trial's folder."""
    val_accuracy: float
    """Top-1 on the validation split, 0 to 1: what a choice is made by."""
    test_accuracy: float
    """Top-1 on the test split, 0 to 1: to be reported of what was chosen."""


@dataclass(frozen=True)
class TrialRecord:
    """One training and its exports."""

    point: Point
    commands: tuple[str, ...]
    """That made it, as a user would type them."""
    node: str
    """The machine it ran on."""
    seconds: float
    epochs: int
    data_sha256: str
    """As the model's card has it."""
    val_images: int
    test_images: int
    versions: dict[str, str]
    """Of Python and the packages that the result depends on."""
    files: tuple[FileRecord, ...]

    def to_json(self) -> str:
        """The record as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def read_trial(folder: Path) -> TrialRecord:
    """Reads the record in a trial's folder.

    Raises:
        MissingInput: there is none.
        BadData: it is damaged, or of another version.
    """
    path = folder / NAME
    try:
        values: Any = json.loads(read_whole(path))
        point, files = point_from(values.pop("point")), values.pop("files")
        return TrialRecord(
            **{
                **values,
                "point": point,
                "commands": tuple(values["commands"]),
                "files": tuple(FileRecord(**file) for file in files),
            }
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadData(
            f"{path}: not a record that this edgecls wrote: {error}; remove {folder} and run with --resume"
        ) from error
