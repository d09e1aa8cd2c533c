"""Which files a benchmark measures; each is read and hashed once."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..edge_runtime.errors import EdgeclsError, MissingInput
from ..edge_runtime.models.builtin import expand_builtin
from ..edge_runtime.models.model_file import ModelFile, read_model

_SUFFIXES = (".h5", ".tflite", ".onnx")


class ModelFiles(Sequence[Path]):
    """Paths of model files, each of which is read when it is first asked for."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._read: dict[Path, ModelFile | EdgeclsError] = {}

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Path:  # pyright: ignore[reportIncompatibleMethodOverride] - no slices
        return self._paths[index]

    def read(self, path: Path) -> ModelFile:
        """The file.

        Raises:
            EdgeclsError: it cannot be read; the same error each time.
        """
        if path not in self._read:
            try:
                self._read[path] = read_model(path)
            except EdgeclsError as error:
                self._read[path] = error
        found = self._read[path]
        if isinstance(found, EdgeclsError):
            raise found
        return found

    @classmethod
    def of(cls, paths: Sequence[Path]) -> "ModelFiles":
        """The paths as model files; those that are already are kept as they were read."""
        return paths if isinstance(paths, cls) else cls(paths)


def find_model_files(named: Sequence[Path], folder: Path = Path()) -> ModelFiles:
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
    return ModelFiles(sorted(dict.fromkeys(found), key=lambda path: path.suffix != ".h5"))


def first_readable(paths: Sequence[Path]) -> ModelFile:
    """The first file that can be read: its card says which test images it needs, and in which size.

    Raises:
        EdgeclsError: none can; the error is that of the first.
    """
    first_error: EdgeclsError | None = None
    files = ModelFiles.of(paths)
    for path in files:
        try:
            return files.read(path)
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
