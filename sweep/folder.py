"""The folder of a sweep: what it was asked for, each finished trial, and what came of all of them.

Its files:

    sweep.json           what all trainings have in common; a sweep goes on with the same
    trials/NAME/         a finished trial: appears whole, so that what is there need not be done again
    results.json         every file with its figures, and the best one
    pareto.png
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product
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


# What a sweep varies: every combination of networks, widths, depths, input sizes, recipes and seeds.


@dataclass(frozen=True, order=True)
class GridPoint:
    """One combination: one training and its exports."""

    arch: str
    size_px: int
    """Side of the network's square input."""
    seed: int
    recipe: str | None = None
    """None is the network's own."""
    width: float | None = None
    depth: int | None = None

    @property
    def network(self) -> str:
        """What is built: files of the same network differ in their weights alone."""
        width = "" if self.width is None else f"-w{self.width:g}"
        depth = "" if self.depth is None else f"-d{self.depth}"
        return f"{self.arch}{width}{depth}-{self.size_px}px"

    @property
    def name(self) -> str:
        """Of its files and folder."""
        recipe = f"-{self.recipe}" if self.recipe else ""
        return f"{self.network}{recipe}-seed{self.seed}"

    @property
    def options(self) -> tuple[str, ...]:
        """As `edgecls train` takes them."""
        values = {
            "--arch": self.arch,
            "--width": self.width,
            "--depth": self.depth,
            "--imgsz": self.size_px,
            "--recipe": self.recipe,
            "--seed": self.seed,
        }
        return tuple(
            text for option, value in values.items() if value is not None for text in (option, str(value))
        )


@dataclass(frozen=True)
class Grid:
    """The values to combine; an empty tuple leaves an option out."""

    archs: tuple[str, ...]
    sizes_px: tuple[int, ...]
    seeds: tuple[int, ...] = (0,)
    recipes: tuple[str, ...] = ()
    widths: tuple[float, ...] = ()
    depths: tuple[int, ...] = ()
    in_widths: frozenset[str] = frozenset()
    """The networks that come in widths; the others are combined with none."""
    in_depths: frozenset[str] = frozenset()
    """The networks that come in depths."""

    def points(self) -> tuple[GridPoint, ...]:
        """Each combination once, in an order that puts seeds last: the first trials are of all networks."""
        return tuple(dict.fromkeys(self._combined()))

    def _combined(self) -> Iterator[GridPoint]:
        for seed, recipe, size_px, arch in product(
            self.seeds, self.recipes or (None,), self.sizes_px, self.archs
        ):
            widths = (arch in self.in_widths and self.widths) or (None,)
            depths = (arch in self.in_depths and self.depths) or (None,)
            for width, depth in product(widths, depths):
                yield GridPoint(arch, size_px, seed, recipe, width, depth)


def point_from(values: Mapping[str, object]) -> GridPoint:
    """A point from what `asdict` gave and JSON kept; a TypeError if a name is unknown."""
    return GridPoint(**values)  # type: ignore[arg-type]
