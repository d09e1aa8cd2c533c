"""Which files a benchmark measures."""

from collections.abc import Sequence
from pathlib import Path

from ..edge_runtime.errors import EdgeclsError, MissingInput
from ..edge_runtime.models.builtin import expand_builtin
from ..edge_runtime.models.model_file import ModelFile, read_model

_SUFFIXES = (".h5", ".tflite", ".onnx")


def find_model_files(named: Sequence[Path], folder: Path = Path()) -> list[Path]:
    """The files that were named, a folder or a built-in model standing for its own; else those in `folder`.

    Each comes once, Keras originals first.

    Raises:
        MissingInput: one that was named is not there, or a folder has none.
    """
    found: list[Path] = []
    for path in expand_builtin(named or [folder]):
        if path.is_dir():
            found += _in_folder(path)
        elif path.exists():
            found.append(path)
        else:
            raise MissingInput(f"{path}: no such file; check the name")
    return sorted(dict.fromkeys(found), key=lambda path: path.suffix != ".h5")


def first_readable(paths: Sequence[Path]) -> ModelFile:
    """The first file that can be read: its card says which pictures to ask, and in which size.

    Raises:
        EdgeclsError: none can; the error is that of the first.
    """
    first_error: EdgeclsError | None = None
    for path in paths:
        try:
            return read_model(path)
        except EdgeclsError as error:
            first_error = first_error or error
    raise first_error or MissingInput("no model file; name one")


def _in_folder(folder: Path) -> list[Path]:
    """Format by format, each file before its variants: `a.tflite`, `a_int8.tflite`, `a.onnx`."""
    models = [path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file()]
    if not models:
        raise MissingInput(
            f"{folder.resolve()}: no .h5, .tflite or .onnx file in it; run `edgecls train`, or name the "
            "files, or models that `edgecls models` lists"
        )
    return sorted(models, key=lambda path: (_SUFFIXES.index(path.suffix), path.stem))
