"""Which files a benchmark measures; each is read and hashed once."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..edge_runtime.errors import BadModel, EdgeclsError, MissingInput, UsageError
from ..edge_runtime.files import MODEL_BYTES, read_whole
from ..edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from ..edge_runtime.models.builtin import expand_builtin
from ..edge_runtime.models.card import LARGEST_BYTES, ModelCard
from ..edge_runtime.models.foreign import read_foreign
from ..edge_runtime.models.label_file import read_labels
from ..edge_runtime.models.model_file import (
    ModelFile,
    ModelFormat,
    content_sha256,
    model_format,
    read_card,
    read_model,
)

_SUFFIXES = (".h5", ".keras", ".tflite", ".onnx")
KERAS_SUFFIXES = (".h5", ".keras")
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Strangers:
    """What the user says of the files that edgecls did not make."""

    labels: tuple[str, ...]
    options: PictureOptions = AS_THE_FILE_SAYS


def read_strangers(labels: str | Path | None, options: PictureOptions) -> Strangers | None:
    """Reads what is said of the files that edgecls did not make; None: nothing.

    Raises:
        UsageError: how they want pictures, but not their labels.
        MissingInput, BadData: see `read_labels`.
    """
    if labels is None:
        if not options.is_empty:
            raise UsageError(f"{options.text}: for files made elsewhere; name their --labels too")
        return None
    return Strangers(read_labels(Path(labels)), options)


class ModelFiles(Sequence[Path]):
    """Paths of model files, each of which is read when it is first asked for."""

    def __init__(self, paths: Iterable[Path], strangers: Strangers | None = None) -> None:
        self._paths = tuple(paths)
        self._strangers = strangers
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
                self._read[path] = self._read_any(path)
            except EdgeclsError as error:
                self._read[path] = error
        found = self._read[path]
        if isinstance(found, EdgeclsError):
            raise found
        return found

    def _read_any(self, path: Path) -> ModelFile:
        """Reads a file of ours, one made elsewhere, or the Keras model that another was exported from."""
        content = read_whole(path, MODEL_BYTES)
        is_zip = content.startswith(_ZIP)
        format_ = ModelFormat.H5 if is_zip else model_format(content, str(path))
        if is_zip or not read_card(content, format_, str(path)):
            if format_ is ModelFormat.H5:
                return self._original(path, content)
            if self._strangers:
                return read_foreign(path, self._strangers.labels, self._strangers.options)
        return read_model(path)

    def _original(self, path: Path, content: bytes) -> ModelFile:
        """A Keras model made elsewhere, with the card of a file that was exported from it.

        Raises:
            BadModel: there is no such file among these.
        """
        sha256 = content_sha256(content)
        for other in self._paths:
            if other.suffix in KERAS_SUFFIXES:
                continue
            with suppress(EdgeclsError):  # its own row says so
                card = self.read(other).card
                if card.provenance.weights_sha256 == sha256:
                    made = replace(card.provenance, weights_sha256="")
                    card = replace(card, io="float32", provenance=made, quantisation=None, golden=(), demo=())
                    return ModelFile(path, ModelFormat.H5, content, card, is_foreign=True)
        raise BadModel(
            f"{path}: made elsewhere, and none of the files here was exported from it; run `edgecls export`"
        )

    @classmethod
    def of(cls, paths: Sequence[Path]) -> "ModelFiles":
        """The paths as model files; those that are already are kept as they were read."""
        return paths if isinstance(paths, cls) else cls(paths)


def find_model_files(
    named: Sequence[Path], folder: Path = Path(), strangers: Strangers | None = None
) -> ModelFiles:
    """The files that were named, a folder or a built-in model standing for its own; else those in `folder`.

    Each comes once, Keras originals first. Files that edgecls did not make are read as `strangers` says.

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
    originals_first = sorted(dict.fromkeys(found), key=lambda path: path.suffix not in KERAS_SUFFIXES)
    return ModelFiles(originals_first, strangers)


def with_card(path: Path, card: Path) -> ModelFile:
    """Reads a file that has no card inside, with one from a JSON file."""
    content = read_whole(path, MODEL_BYTES)
    format_ = ModelFormat.H5 if content.startswith(_ZIP) else model_format(content, str(path))
    text = read_whole(card, LARGEST_BYTES)
    return ModelFile(path, format_, content, ModelCard.from_json(text, str(card)), is_foreign=True)


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
    exported = {path.stem for path in models if path.suffix not in KERAS_SUFFIXES}
    models = [path for path in models if path.suffix != ".keras" or path.stem in exported]
    if not models:
        raise MissingInput(
            f"{folder.resolve()}: no .h5, .tflite or .onnx file in it; run `edgecls train`, or name the "
            "files, or models that `edgecls models` lists"
        )
    return sorted(models, key=lambda path: (_SUFFIXES.index(path.suffix), path.stem))
