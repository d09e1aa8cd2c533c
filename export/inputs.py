"""What an export starts from: a model and its pictures. Needs no Keras, so that errors come at once."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from ..data.keras_files.content import scales_pixels
from ..data.load import Dataset
from ..data.model_data import check_foreign_data, training_data
from ..data.pictures import OnImage
from ..edge_runtime.engines.names import DEFAULT_H5
from ..edge_runtime.errors import BadModel, MissingInput, UnknownChoice, UsageError
from ..edge_runtime.files import MODEL_BYTES, read_whole
from ..edge_runtime.images.picture_options import AS_THE_FILE_SAYS, OPTIONS, PictureOptions
from ..edge_runtime.models.foreign_scaling import unknown_scaling
from ..edge_runtime.models.label_file import read_labels
from ..edge_runtime.models.model_file import ModelFile, ModelFormat, model_format, read_card, read_model
from ..edge_runtime.models.other_formats import refuse_other_folder, refuse_other_format
from .earlier import FORMATS, Kind
from .keras_ends import check_saved

_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class OwnModel:
    """An `.h5` of `edgecls train`, and the data set to export it with."""

    path: Path
    file: ModelFile
    dataset: Dataset


@dataclass(frozen=True)
class ForeignModel:
    """A model made elsewhere, and where its pictures are; they are read once Keras knows its input."""

    path: Path
    labels: tuple[str, ...]
    options: PictureOptions
    data: str | None
    pictures: Path | None


def read_inputs(
    model: Path | None,
    *,
    data: str | None = None,
    labels: Path | None = None,
    picture_options: PictureOptions = AS_THE_FILE_SAYS,
    calibration: Path | None = None,
    check_path: Callable[[Path], None] = lambda _: None,
    on_step: Callable[[str], None] = lambda _: None,
    on_note: Callable[[str], None] = lambda _: None,
) -> OwnModel | ForeignModel:
    """Reads what an export starts from.

    Args:
        model: an `.h5`; None is the newest of this folder.
        data: the data set to calibrate and compare on; None is the one that the model was trained on.
        labels: for a foreign model: a file with its labels; see `label_file.py`.
        picture_options: for a foreign model: how it wants its pictures.
        calibration: for a foreign model: a folder of pictures, in place of `data`.
        check_path: called with the path of the model before anything is read; see `check_earlier`.
        on_step: called with what is being read.
        on_note: called with a line about how it is read.

    Raises:
        MissingInput, BadModel, BadData: something is not there, or damaged.
        UsageError: options contradict each other, or nobody says how a foreign model's pixels are scaled.
    """
    path = model or _newest()
    if path.is_dir():
        refuse_other_folder(path)
    if not path.exists():
        raise MissingInput(f"{path}: no such file; run `edgecls train` first, or name the .h5")
    check_path(path)
    if labels:
        names = read_labels(labels, on_note)
        content = read_foreign(path)
        check_foreign_data(path, data, calibration)
        check_saved(content, len(names), picture_options, str(path))
        if picture_options.scaling is None and not scales_pixels(content, str(path)):
            raise unknown_scaling(str(path))
        return ForeignModel(path, names, picture_options, data, calibration)
    if calibration or not picture_options.is_empty:
        options = " ".join(filter(None, (picture_options.text, calibration and "--calibration")))
        raise UsageError(f"{options}: for a model made elsewhere; name its --labels too")
    file = read_model(path)
    if file.format is not ModelFormat.H5:
        raise BadModel(f"{path}: a .{file.format} file, not the Keras original; name the .h5")
    on_step("reading the data set")
    return OwnModel(path, file, training_data(path, file.card, data, _counted(on_step)))


def check_judged(
    kinds: Collection[Kind], max_drop: float | None, target_precision: float | None, calibration: Path | None
) -> None:
    """Checks that the accuracy which options ask for can be judged.

    Args:
        kinds: besides float32.
        max_drop: `--max-drop`, where it was given.
        target_precision: `--target-precision`, where it was given.
        calibration: a folder of pictures without labels, in place of a data set.

    Raises:
        UsageError: it cannot be.
    """
    if max_drop is not None and "int8" not in kinds:
        raise UsageError("--max-drop: limits what int8 files lose; add --int8, or leave it out")
    given = {"--max-drop": max_drop, "--target-precision": target_precision}
    asked = [name for name, value in given.items() if value is not None]
    if asked and calibration is not None:
        raise UsageError(
            f"{' '.join(asked)}: needs pictures of known classes; give --data in place of --calibration, or "
            "leave it out"
        )


def read_formats(text: str | None) -> tuple[ModelFormat, ...]:
    """Reads `--format`, such as `tflite,onnx`; none where it was not given.

    Raises:
        UnknownChoice: there is no such format.
    """
    names = [name.strip().lower().removeprefix(".") for name in text.split(",")] if text is not None else []
    for name in names:
        if name not in FORMATS:
            raise UnknownChoice(f"--format {name}: give tflite, onnx, or both with a comma", name, FORMATS)
    return tuple(ModelFormat(name) for name in dict.fromkeys(names))


def read_foreign(path: Path) -> bytes:
    """Reads an `.h5` or `.keras` that was made elsewhere.

    Raises:
        UsageError: edgecls trained it, so it has its own labels and scaling.
        MissingInput, BadModel: it cannot be read, or is of another format.
    """
    content = read_whole(path, MODEL_BYTES)
    refuse_other_format(content, str(path), takes_keras=True)
    if not content.startswith(_ZIP):
        format_ = model_format(content, str(path))
        if format_ is not ModelFormat.H5:
            raise UsageError(f"{path}: a .{format_} file is an export already; name an .h5 or .keras")
        if read_card(content, format_, str(path)):
            raise UsageError(f"{path}: carries its own labels and scaling; leave {OPTIONS} out")
    return content


def _counted(on_step: Callable[[str], None]) -> OnImage:
    """Says once how many images are read."""

    def on_image(done: int, total: int) -> None:
        if done == 1:
            on_step(f"reading {total:,} images")

    return on_image


def _newest() -> Path:
    """Returns what `edgecls train` wrote last, under any name."""
    return max(Path().glob("*.h5"), key=lambda path: path.stat().st_mtime, default=DEFAULT_H5)
