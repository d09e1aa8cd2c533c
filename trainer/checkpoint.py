"""Checkpoint: the state of a training after an epoch, in one file, from which it resumes exactly."""

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ..data.model_data import report_folder
from ..edge_runtime.errors import BadConfiguration, BadData, MissingInput
from ..edge_runtime.files import MODEL_BYTES, read_whole, write_whole
from ..edge_runtime.schema import Raw, checked, parse_json
from .report import Epoch

Option = Annotated[str, Raw] | int | float | bool | None
"""A value of the command line."""


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next epoch depends on, besides the options and the data."""

    history: tuple[Epoch, ...]
    variables: tuple[np.ndarray, ...]
    """All that fitting changes, in order: weights, the optimizer's moments, random generator states."""
    kept: tuple[np.ndarray, ...] = ()
    """For early stopping, the weights of the best epoch so far; for averaging, the sum over the last
    epochs."""


@dataclass(frozen=True)
class Checkpoint:
    """A training state, and the training it belongs to."""

    options: dict[str, Any]
    """By their names on the command line, such as `--epochs`; resuming needs the same."""
    data_sha256: str
    teacher_sha256: str | None
    """Of the teacher's file, if any."""
    state: TrainingState


@dataclass(frozen=True)
class _About:
    """What the file says beside its arrays."""

    options: dict[str, Option]
    data_sha256: str
    teacher_sha256: str | None
    history: tuple[Epoch, ...]


def checkpoint_path(model: Path) -> Path:
    """Returns the path of the checkpoint, which exists while a model's training is unfinished."""
    return report_folder(model) / "checkpoint.npz"


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the file, whole or not at all; raises as `whole_file` does."""
    about = {
        "options": checkpoint.options,
        "data_sha256": checkpoint.data_sha256,
        "teacher_sha256": checkpoint.teacher_sha256,
        "history": [asdict(epoch) for epoch in checkpoint.state.history],
    }
    arrays: dict[str, Any] = {"about": json.dumps(about)}
    arrays |= {f"variable_{index}": array for index, array in enumerate(checkpoint.state.variables)}
    arrays |= {f"kept_{index}": array for index, array in enumerate(checkpoint.state.kept)}
    file = io.BytesIO()
    np.savez(file, **arrays)
    write_whole(path, file.getvalue())


def check_there(path: Path) -> None:
    """Raises MissingInput if there is no checkpoint, before anything slow is done."""
    if not path.exists():
        raise MissingInput(f"{path}: no such file, so there is no training to resume; leave --resume out")


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads what `write_checkpoint` wrote.

    Raises:
        MissingInput: there is none.
        BadData: it is damaged.
    """
    check_there(path)
    try:
        content = io.BytesIO(read_whole(path, 4 * MODEL_BYTES))
        with np.load(content, allow_pickle=False) as arrays:  # a zip, whose checksums are checked
            about = checked(_About, parse_json(str(arrays["about"])))
            state = TrainingState(about.history, _numbered(arrays, "variable"), _numbered(arrays, "kept"))
            return Checkpoint(about.options, about.data_sha256, about.teacher_sha256, state)
    except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise BadData(f"{path}: damaged: {error}; leave --resume out to start again") from error


def check_options(checkpoint: Checkpoint, options: dict[str, Any], path: Path) -> None:
    """Raises BadConfiguration, naming the difference, if the options differ from the checkpoint's."""
    for name, now in options.items():
        before = checkpoint.options.get(name)
        if before != now:
            raise BadConfiguration(
                f"{path}: this training was started with {_spelled(name, before)}, not "
                f"{_spelled(name, now)}; give the same options, or leave --resume out to start again"
            )


def check_data(checkpoint: Checkpoint, data_sha256: str, path: Path) -> None:
    """Raises BadConfiguration if the images are not those of the checkpoint's training."""
    if checkpoint.data_sha256 != data_sha256:
        raise BadConfiguration(
            f"{path}: the images have changed since this training was started (digest "
            f"{checkpoint.data_sha256[:12]}, now {data_sha256[:12]}); leave --resume out to start again"
        )


def check_teacher(checkpoint: Checkpoint, teacher_sha256: str | None, path: Path) -> None:
    """Raises BadConfiguration if the teacher's file has changed since the training was started."""
    if checkpoint.teacher_sha256 != teacher_sha256:
        raise BadConfiguration(
            f"{path}: the teacher's file has changed since this training was started; leave --resume out to "
            "start again"
        )


def _spelled(option: str, value: Any) -> str:
    if isinstance(value, bool):
        return option if value else f"no {option}"
    return f"{option} {value}"


def _numbered(arrays: Any, name: str) -> tuple[np.ndarray, ...]:
    count = sum(key.startswith(f"{name}_") for key in arrays.files)
    return tuple(arrays[f"{name}_{index}"] for index in range(count))
