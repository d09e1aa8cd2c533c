"""Built-in models: they come with edgecls, so that every command works before anything is trained.

Each has a name, which stands for its files wherever a model file is asked for. A file of the user's with the
same name goes first.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...engines.names import ENGINES, EngineName, has_models, suffixes
from ...errors import MissingInput

_FOLDER = Path(__file__).parent
NAMES = ("imagenet", "nano", "edge")
"""The default first: it knows the things on a desk. The others know the ten classes of CIFAR-10."""
_DATA = {"imagenet": "ImageNet", "nano": "CIFAR-10", "edge": "CIFAR-10"}
_FEW_LABELS = 20
SMALLEST = "nano"
"""It keeps up with any camera on any 64-bit Raspberry Pi."""

ACCURACY = {
    "nano_int8.tflite": 0.8487,
    "nano_int8.onnx": 0.8487,
    "edge_int8.tflite": 0.8961,
    "edge_int8.onnx": 0.8961,
}
"""Of each file itself, 0 to 1, on the 10,000 test images that its card names, as measured by
`edgecls bench nano edge --data cifar10-jpeg.zip`; to be measured again when the files are made again.
`imagenet` is not here: there are no labelled pictures of ImageNet to measure it on."""


def default_name(engine: EngineName = "auto") -> str:
    """Returns the name of the built-in model that answers where none is named.

    It is the first that has a file for `engine`, since `imagenet` has none for onnxruntime; the first of all
    if no engine is installed.
    """
    return next((name for name in NAMES if builtin_paths(name, engine)), NAMES[0])


def builtin_paths(name: str, engine: EngineName | None = None) -> tuple[Path, ...]:
    """Returns the files of a built-in model, that of the faster engine first.

    Args:
        name: one of `NAMES`.
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


def knows(name: str, labels: Sequence[str]) -> str:
    """Says what a built-in model can tell apart, in a few words."""
    few = len(labels) <= _FEW_LABELS
    return f"knows only {', '.join(labels)}" if few else f"knows the {len(labels):,} classes of {_DATA[name]}"


def is_builtin_name(path: Path) -> bool:
    """Whether a path that a user typed is the name of a built-in model.

    It is not where a file has this name, or a folder with models in it. A folder without models does not
    count: `edgecls train --output nano.h5` makes a folder `nano` of plots.
    """
    return str(path) in NAMES and not path.is_file() and not has_models(path)


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
        names = f"{', '.join(NAMES[:-1])} or {NAMES[-1]}"
        raise MissingInput(f"{path}: no such file; check the name, or use {names}, which come with edgecls")
