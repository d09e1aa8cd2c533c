"""What to train, from options: those given, else those of a report or of a recipe by name."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..edge_runtime.errors import UsageError
from ..edge_runtime.image import ImageRule
from . import recipes
from .augmentation import parse_kinds
from .data import is_path
from .recipe import Recipe
from .report import read_report_file
from .training import Training

_SIDE_PX = 32


def chosen(
    output: Path,
    given: Mapping[str, Any],
    *,
    data: str | None = None,
    size: int | None = None,
    arch: str | None = None,
    recipe: str | None = None,
    report: Path | None = None,
) -> Training:
    """Puts options together; None, here and in `given`, is an option that was not given.

    Args:
        output: the `.h5` to write.
        given: fields of `Recipe` by name, as the command line has them.
        data: see `load_dataset`.
        size: side of the network's square input, in pixels.
        arch: a network's name.
        recipe: a recipe's name.
        report: a `report.json`, from which all that is not given is taken.

    Raises:
        UsageError: they contradict each other, or are not known.
        MissingInput, BadData: see `read_report_file`.
    """
    if report and (arch or recipe):
        name = "--arch" if arch else "--recipe"
        raise UsageError(f"{name}: --from {report} says which; leave one of them out")
    values = {name: _parsed(name, value) for name, value in given.items() if value is not None}
    if report:
        before = read_report_file(report)
        rule = ImageRule(size, size) if size else before.image
        return Training(
            absolute_data(data or before.data), output, rule, replace(before.recipe, **values), before
        )
    side_px = size or _SIDE_PX
    named = recipes.named(recipe, arch or Recipe.arch)
    rule, made = ImageRule(side_px, side_px), replace(named, **values)
    is_documented = named == Recipe(arch=named.arch)  # kept to the letter, as is what was asked for
    any_count = not (is_documented or values.keys() & {"batch_size", "learning_rate"})
    return Training(absolute_data(data or "cifar10"), output, rule, made, is_for_any_count=any_count)


def absolute_data(data: str) -> str:
    """`--data` as it can be found from any folder: a path becomes absolute."""
    return _absolute(data) if is_path(data) else data


def _absolute(path: str | Path) -> str:
    return str(Path(path).expanduser().resolve())


def _parsed(name: str, value: Any) -> Any:
    if name == "augment":
        return parse_kinds(value)
    if name == "teacher":
        return _absolute(value)
    return value
