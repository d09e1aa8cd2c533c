"""`--arch`, `--width`, ... of `edgecls sweep`: lists, combined and checked before anything is trained."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .. import sweep, trainer
from ..edge_runtime.errors import UsageError

if TYPE_CHECKING:
    from ..sweep.grid import GridPoint


Value = TypeVar("Value", str, int, float)


def points_of(
    data: str,
    epochs: int | None,
    *,
    arch: str,
    imgsz: str,
    seed: str,
    recipe: str | None,
    width: str | None,
    depth: str | None,
) -> "tuple[GridPoint, ...]":
    """Every combination of the lists, each one that `edgecls train` takes.

    Raises:
        UsageError: a list cannot be read, or a combination makes no sense.
    """
    known = trainer.ARCHITECTURES
    archs = _values("--arch", arch, str)
    in_widths = frozenset(name for name in archs if name in known and known[name].widths)
    in_depths = frozenset(name for name in archs if name in known and known[name].is_depth)
    for option, given, takers in (("--width", width, in_widths), ("--depth", depth, in_depths)):
        if given and not takers and set(archs) <= set(known):
            raise UsageError(f"{option}: {arch} come in one only; leave it out, or add another network")
    grid = sweep.Grid(
        archs,
        _values("--imgsz", imgsz, int),
        _values("--seed", seed, int),
        _values("--recipe", recipe, str),
        _values("--width", width, float),
        _values("--depth", depth, int),
        in_widths,
        in_depths,
    )
    points = grid.points()
    for point in points:
        _check(point, data, epochs)
    return points


def _check(point: "GridPoint", data: str, epochs: int | None) -> None:
    """As `edgecls train` would; its messages name the option and the value."""
    if not 8 <= point.size_px <= 1024:
        raise UsageError(f"--imgsz {point.size_px}: not a side of 8 to 1,024 pixels; 32 is usual")
    if not 0 <= point.seed < 2**32:
        raise UsageError(f"--seed {point.seed}: not 0 to 4,294,967,295; use small numbers such as 0,1,2")
    given = {"seed": point.seed, "epochs": epochs, "width": point.width, "depth": point.depth}
    training = trainer.train_options(
        Path("model.h5"), given, data=data, imgsz=point.size_px, arch=point.arch, recipe=point.recipe
    )
    trainer.check_design(training.recipe.design, point.size_px, point.size_px)


def _values(option: str, text: str | None, kind: Callable[[str], Value]) -> tuple[Value, ...]:
    """The values of a list separated by commas, each once."""
    if text is None:
        return ()
    words = [word.strip() for word in text.split(",")]
    try:
        if not all(words):
            raise ValueError
        return tuple(dict.fromkeys(kind(word) for word in words))
    except ValueError as error:
        what = "names" if kind is str else "numbers"
        raise UsageError(f"{option} {text}: not a list of {what}; separate them by commas") from error
