"""The folder of a sweep: its settings, each finished trial, and the results.

sweep.json           what all trainings have in common; resuming needs the same
trials/NAME/         a finished trial: appears whole, so it need not be done again
results.json         every file with its measurements, and the best one
pareto.png           accuracy against time and size
"""

import json
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from ..edge_runtime.errors import BadConfiguration, BadData, MissingInput, UsageError
from ..edge_runtime.files import TEXT_BYTES, read_whole, write_whole
from ..edge_runtime.schema import Range, Raw, checked, parse_json

RESULTS = "results.json"
PLOT = "pareto.png"
_TRIALS = "trials"


@dataclass(frozen=True)
class Plan:
    """What all trainings of a sweep have in common."""

    data: Annotated[str, Raw]
    """As `--data` takes it; a path is absolute."""
    data_digest: str
    """Of the files there; empty for a data set known by name."""
    epochs: Annotated[int, Range(1)] | None
    """None is each recipe's own number."""
    threads: Annotated[int, Range(1)]
    """Of each training: another number may round differently."""


@dataclass(frozen=True)
class _Keyed:
    """What else stands in `sweep.json`: part of the name of a folder, so that it may be no path."""

    key: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{1,64}", self.key):
            raise ValueError("its key is not hexadecimal")


@dataclass(frozen=True)
class SweepFolder:
    """A sweep's folder, opened by `open_folder`."""

    path: Path
    key: str
    """Separates this sweep's unfinished trainings from those of others on the same machine."""

    @property
    def trials(self) -> Path:
        """The folder with a folder for each finished trial."""
        return self.path / _TRIALS

    def trial(self, name: str) -> Path:
        """Returns the folder of a trial, which exists once it is finished."""
        return self.trials / name


def open_folder(path: Path, plan: Plan, *, resume: bool) -> SweepFolder:
    """Starts a sweep in a folder, or resumes the one in it.

    Raises:
        UsageError: it has finished trials, and `resume` is false.
        MissingInput: there is no sweep to resume.
        BadConfiguration: the sweep was started with other options or data.
        BadData: its `sweep.json` is damaged.
        OutputFailed, PermissionRefused: it cannot be written.
    """
    file = path / "sweep.json"
    if not resume:
        if (path / _TRIALS).exists():
            raise UsageError(
                f"{path}: already has a sweep; continue it with --resume, or choose another --output"
            )
        folder = SweepFolder(path, secrets.token_hex(8))
        write_whole(file, json.dumps({"key": folder.key, **asdict(plan)}, indent=1) + "\n")
        return folder
    if not file.exists():
        raise MissingInput(f"{file}: no such file; leave out --resume to start a sweep")
    key, started = _read(file)
    _check_same(file, started, plan)
    return SweepFolder(path, key)


def _read(file: Path) -> tuple[str, Plan]:
    try:
        values: Any = parse_json(read_whole(file, TEXT_BYTES))
        key = checked(_Keyed, values).key
        values.pop("key")
        return key, checked(Plan, values, only_known=True)
    except ValueError as error:
        raise BadData(f"{file}: damaged: {error}; choose another folder with --output") from error


def _check_same(file: Path, started: Plan, plan: Plan) -> None:
    options = {"data": "--data", "epochs": "--epochs", "threads": "--cpus-per-trial"}
    for name, option in options.items():
        before, now = getattr(started, name), getattr(plan, name)
        if before != now:
            raise BadConfiguration(
                f"{file}: the sweep was started with {option} {_spelled(before)}, not {_spelled(now)}; "
                "give the same, or choose another folder with --output"
            )
    if started.data_digest != plan.data_digest:
        raise BadConfiguration(
            f"{plan.data}: has changed since the sweep was started; choose another folder with --output"
        )


def _spelled(value: object) -> str:
    return "left out" if value is None else str(value)
