"""From the Keras original to the files of a device: reads what is named, exports it, and reports."""

from collections.abc import Callable, Iterable
from pathlib import Path

from ..data.model_data import foreign_data
from ..data.originals import Originals
from ..data.overlap import overlap_warnings
from ..edge_runtime.files import check_writable
from ..edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from ..edge_runtime.models.model_file import ModelFormat
from .calibration import DEFAULT_IMAGES, choose_calibration
from .confidence import (
    check_judgeable,
)
from .contract import Io
from .conversion import EvaluationImages, Export, ExportOptions
from .earlier import Kind, check_earlier, planned_kinds, set_aside_outdated
from .familiarity import with_familiarity
from .inputs import ForeignModel, OwnModel, check_judged, read_inputs
from .keras_file import KerasEngine, load_foreign
from .report import ExportReport
from .targets import targets


def export_model(
    model: str | Path | None = None,
    *,
    int8: bool = False,
    float16: bool = False,
    dynamic: bool = False,
    io: Io = "uint8",
    max_drop: float | None = None,
    target_precision: float | None = 0.95,
    formats: Iterable[ModelFormat] = (),
    data: str | Path | None = None,
    calibration_images: int = DEFAULT_IMAGES,
    labels: str | Path | None = None,
    picture_options: PictureOptions = AS_THE_FILE_SAYS,
    calibration: str | Path | None = None,
    force: bool = False,
    on_step: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Converts a Keras model to TFLite and ONNX, each compared with the original: what `edgecls export` does.

    Args:
        model: an `.h5`; None is the newest of this folder. The files are written beside it.
        int8: also make int8 files.
        float16: also make files with half-precision weights.
        dynamic: also make files with int8 weights only.
        io: what the files take and return.
        max_drop: the accuracy that int8 may lose on the validation images, in points; None mends a file that
            loses much, and refuses none.
        target_precision: the share of answers that should be right, 0 to 1; less certain ones become
            "unknown".
        formats: those that must be made, and no other; none: both, or the one that can express the network.
        data: the data set to calibrate and compare on; None is the one that the model was trained on.
        calibration_images: training images that int8 ranges are measured on.
        labels: for a model made elsewhere: a text file with one label on each line.
        picture_options: for a model made elsewhere: how it wants its pictures.
        calibration: for a model made elsewhere: a folder of pictures, in place of `data`.
        force: overwrite files that edgecls did not export from this model.
        on_step: called with what is being done.

    Raises:
        EdgeclsError: see `read_inputs` and `Export.run`.
    """
    wanted: dict[Kind, bool] = {"int8": int8, "float16": float16, "dynamic": dynamic}
    kinds: tuple[Kind, ...] = tuple(kind for kind, is_wanted in wanted.items() if is_wanted)
    pictures, chosen = Path(calibration) if calibration else None, tuple(formats)
    check_judged(kinds, max_drop, None, pictures)
    inputs = read_inputs(
        Path(model) if model else None,
        data=str(data) if data else None,
        labels=Path(labels) if labels else None,
        picture_options=picture_options,
        calibration=pictures,
        check_path=lambda path: None if force else check_earlier(path, planned_kinds(kinds, io), chosen),
        on_step=on_step,
    )
    options = ExportOptions(kinds, io, target_precision, chosen, max_drop)
    return run_export(inputs, options, calibration_images, on_step)


def run_export(
    inputs: OwnModel | ForeignModel,
    options: ExportOptions,
    calibration_images: int = DEFAULT_IMAGES,
    on_step: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Exports what `read_inputs` read; see `export_model`."""
    check_writable(targets(options.kinds, options.io, options.formats)[0].path_for(inputs.path))
    notes: list[str] = []
    if isinstance(inputs, ForeignModel):
        loaded = load_foreign(inputs.path, inputs.labels, inputs.options, notes.append)
        original = KerasEngine(loaded)
        on_step("reading the pictures")
        dataset = foreign_data(loaded[1].card, inputs.data, inputs.pictures)
        truth_known = inputs.pictures is None
    else:
        original, dataset, truth_known = KerasEngine(inputs.file), inputs.dataset, True
        if inputs.file.card.provenance.backbone and options.io != "int8":
            on_step("measuring how alike the training pictures are")
            original = with_familiarity(original, dataset.train, dataset.val)
    ranges = None
    if "int8" in options.kinds:
        train = dataset.train
        ranges = choose_calibration(train.images, train.truth, seed=0, count=calibration_images)
    test, val = (
        EvaluationImages(split.images, split.truth if truth_known else None)
        for split in (dataset.test, dataset.val)
    )
    originals = Originals(
        dataset.source, dataset.files.get("val", ()), dataset.val.images, original.model.card.image
    )
    if truth_known and options.is_precision_asked and options.target_precision is not None:
        check_judgeable(options.target_precision, len(val.images))
    export = Export(original, inputs.path, test, val, ranges, options, on_step, originals)
    files = export.run()
    written = [inputs.path.with_name(file.parity.file) for file in files]
    set_aside = tuple(set_aside_outdated(inputs.path, written, original.model.sha256))
    about_data = (*dataset.warnings, *overlap_warnings(dataset)) if truth_known else ()
    warnings = (*notes, *export.left_out, *about_data)
    return ExportReport(tuple(files), dataset.name, len(val.images), warnings, set_aside)
