"""The models that come with edgecls, so that there is something true to say before anything is trained.

A name stands for each, wherever a model file may be named; a file of the user's of that name goes first.
"""

from collections.abc import Iterable
from pathlib import Path

from ...engines.names import ENGINES, EngineName, suffixes
from ...errors import MissingInput

_BOX = Path(__file__).parent
_MODEL_SUFFIXES = frozenset({".h5", *(f".{suffix}" for suffix, _ in ENGINES.values())})
DEFAULT = "nano"
"""The smaller one: it keeps up with any camera on any 64-bit Raspberry Pi."""


def boxed_names() -> tuple[str, ...]:
    """The models' names, the default first."""
    return tuple(
        sorted(
            (folder.name for folder in _BOX.iterdir() if folder.name[0] != "_"),
            key=lambda name: (name != DEFAULT, name),
        )
    )


def boxed_paths(name: str, engine: EngineName | None = None) -> tuple[Path, ...]:
    """A model's files, that of the faster engine first.

    Args:
        name: one of `boxed_names`.
        engine: only what it runs; None: all.
    """
    wanted = suffixes(engine) if engine else [suffix for suffix, _ in ENGINES.values()]
    return tuple(path for suffix in wanted for path in sorted((_BOX / name).glob(f"*.{suffix}")))


def boxed_name(path: Path) -> str | None:
    """The model in the box whose file this is; None for other files."""
    return path.parent.name if path.parent.parent == _BOX else None


def means_boxed(path: Path) -> bool:
    """Whether a path that a user typed is the name of a model in the box.

    It is not where a file has this name, or a folder with models in it; `edgecls train --output nano.h5`
    makes a folder `nano` of plots, which is no model.
    """
    return str(path) in boxed_names() and not path.is_file() and not _has_models(path)


def with_boxed(paths: Iterable[Path], engine: EngineName | None = None) -> list[Path]:
    """Paths that a user typed, the name of a model in the box replaced by its files; see `boxed_paths`.

    Raises:
        MissingInput: see `refuse_unknown_name`.
    """
    found: list[Path] = []
    for path in paths:
        refuse_unknown_name(path)
        found += boxed_paths(str(path), engine) if means_boxed(path) else [path]
    return found


def refuse_unknown_name(path: Path) -> None:
    """Raises MissingInput, with the names that there are, for a path that is not there and looks like one."""
    if not (path.suffix or path.exists() or means_boxed(path)):
        names = " or ".join(boxed_names())
        raise MissingInput(f"{path}: no such file; check the name, or use {names}, which come with edgecls")


def _has_models(folder: Path) -> bool:
    return folder.is_dir() and any(path.suffix in _MODEL_SUFFIXES for path in folder.iterdir())
