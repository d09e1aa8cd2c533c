"""Built-in models: they come with edgecls, so that every command works before anything is trained.

Each has a name, which stands for its files wherever a model file is asked for. A file of the user's with the
same name goes first.
"""

from collections.abc import Iterable
from pathlib import Path

from ...engines.names import ENGINES, EngineName, has_models, suffixes
from ...errors import MissingInput

_FOLDER = Path(__file__).parent
DEFAULT = "nano"
"""The smaller one: it keeps up with any camera on any 64-bit Raspberry Pi."""

ACCURACY = {
    "nano_int8.tflite": 0.8487,
    "nano_int8.onnx": 0.8487,
    "edge_int8.tflite": 0.8961,
    "edge_int8.onnx": 0.8961,
}
"""Of each file itself, 0 to 1, on the 10,000 test images that its card names, as measured by
`edgecls bench nano edge --data cifar10-jpeg.zip`; to be measured again when the files are made again."""


def builtin_names() -> tuple[str, ...]:
    """Returns the names of the built-in models, the default first."""
    return tuple(
        sorted(
            (folder.name for folder in _FOLDER.iterdir() if folder.name[0] != "_"),
            key=lambda name: (name != DEFAULT, name),
        )
    )


def builtin_paths(name: str, engine: EngineName | None = None) -> tuple[Path, ...]:
    """Returns the files of a built-in model, that of the faster engine first.

    Args:
        name: one of `builtin_names`.
        engine: only the files that it runs; None: all.
    """
    wanted = suffixes(engine) if engine else [suffix for suffix, _ in ENGINES.values()]
    return tuple(path for suffix in wanted for path in sorted((_FOLDER / name).glob(f"*.{suffix}")))


def builtin_name(path: Path) -> str | None:
    """Returns the name of the built-in model that this file belongs to; None for other files."""
    return path.parent.name if path.parent.parent == _FOLDER else None


def shown_path(path: Path) -> str:
    """Returns a path as people know it: of a built-in model its name and the file, without their folder."""
    name = builtin_name(path)
    return f"built-in {name}, {path.name}" if name else str(path)


def is_builtin_name(path: Path) -> bool:
    """Whether a path that a user typed is the name of a built-in model.

    It is not where a file has this name, or a folder with models in it. A folder without models does not
    count: `edgecls train --output nano.h5` makes a folder `nano` of plots.
    """
    return str(path) in builtin_names() and not path.is_file() and not has_models(path)


def expand_builtin(paths: Iterable[Path], engine: EngineName | None = None) -> list[Path]:
    """Replaces the name of a built-in model by its files, see `builtin_paths`; other paths stay.

    Raises:
        MissingInput: see `refuse_unknown_name`.
    """
    found: list[Path] = []
    for path in paths:
        refuse_unknown_name(path)
        found += builtin_paths(str(path), engine) if is_builtin_name(path) else [path]
    return found


def refuse_unknown_name(path: Path) -> None:
    """Raises MissingInput for a path that does not exist and looks like the name of a built-in model."""
    if not (path.suffix or path.exists() or is_builtin_name(path)):
        names = " or ".join(builtin_names())
        raise MissingInput(f"{path}: no such file; check the name, or use {names}, which come with edgecls")
