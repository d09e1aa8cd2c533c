"""The folder of a sweep: what it was asked for, each finished trial, and what came of all of them.

Its files:

    sweep.json           what all trainings have in common; a sweep goes on with the same
    trials/NAME/         a finished trial: appears whole, so that what is there need not be done again
    results.json         every file with its figures, and the best one
    pareto.png
"""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..edge_runtime.errors import BadConfiguration, BadData, MissingInput, UsageError
from ..edge_runtime.files import read_whole, write_whole

RESULTS = "results.json"
PLOT = "pareto.png"
_TRIALS = "trials"


@dataclass(frozen=True)
class Plan:
    """What all trainings of a sweep have in common."""

    data: str
    """As `--data` takes it; a path is absolute."""
    data_digest: str
    """Of the files there; empty for a data set known by its name."""
    epochs: int | None
    """None is each recipe's."""
    threads: int
    """Of each training: other numbers may round otherwise."""


@dataclass(frozen=True)
class SweepFolder:
    """The folder, once it is known that this sweep may use it."""

    path: Path
    key: str
    """Tells this sweep's unfinished trainings from those of others on the same machine."""

    @property
    def trials(self) -> Path:
        """One folder for each finished trial."""
        return self.path / _TRIALS

    def trial(self, name: str) -> Path:
        """Where a trial is once it is finished."""
        return self.trials / name


def open_folder(path: Path, plan: Plan, *, resume: bool) -> SweepFolder:
    """Begins a sweep in a folder, or goes on with the one in it.

    Raises:
        UsageError: there are finished trials in it, and it is not asked to go on.
        MissingInput: there is none to go on with.
        BadConfiguration: it was begun with something else.
        BadData: its `sweep.json` is damaged.
        OutputFailed, PermissionRefused: it cannot be written.
    """
    file = path / "sweep.json"
    if not resume:
        if (path / _TRIALS).exists():
            raise UsageError(
                f"{path}: holds a sweep already; go on with --resume, or choose another folder with --output"
            )
        folder = SweepFolder(path, secrets.token_hex(8))
        write_whole(file, json.dumps({"key": folder.key, **asdict(plan)}, indent=1) + "\n")
        return folder
    if not file.exists():
        raise MissingInput(f"{file}: no such file; leave out --resume to begin a sweep")
    key, begun = _read(file)
    _check_same(file, begun, plan)
    return SweepFolder(path, key)


def _read(file: Path) -> tuple[str, Plan]:
    try:
        values: Any = json.loads(read_whole(file))
        return str(values.pop("key")), Plan(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadData(f"{file}: damaged: {error}; choose another folder with --output") from error


def _check_same(file: Path, begun: Plan, plan: Plan) -> None:
    options = {"data": "--data", "epochs": "--epochs", "threads": "--cpus-per-trial"}
    for name, option in options.items():
        before, now = getattr(begun, name), getattr(plan, name)
        if before != now:
            raise BadConfiguration(
                f"{file}: the sweep was begun with {option} {_said(before)}, not {_said(now)}; "
                "give the same, or choose another folder with --output"
            )
    if begun.data_digest != plan.data_digest:
        raise BadConfiguration(
            f"{plan.data}: has changed since the sweep began; choose another folder with --output"
        )


def _said(value: object) -> str:
    return "left out" if value is None else str(value)
