"""`edgecls export`: the trained `.h5` to TFLite and ONNX, compared with Keras."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from .. import data as data_sets
from .. import export as exports
from ..edge_runtime.engines.names import DEFAULT_H5
from ..edge_runtime.files import check_writable, write_whole
from ..edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from ..edge_runtime.text import columns_of, wrap_for
from .messages import detail, note, show_next, show_step
from .model_options import complete_models, with_picture_options

if TYPE_CHECKING:
    from ..export.earlier import Kind
    from ..export.inputs import ForeignModel, OwnModel
    from ..export.report import ExportReport

Io = Literal["uint8", "int8", "float32"]
_USUAL_PRECISION = 0.95
_FILES, _COMPARISON, _FOREIGN = "Files to make", "Calibration and comparison", "For a model made elsewhere"


@with_picture_options(_FOREIGN)
def export(
    model: Path | None = typer.Argument(
        None,
        metavar="MODEL",
        help="An .h5 of `edgecls train`, or any other.  [default: the newest in this folder]",
        autocompletion=complete_models,
    ),
    json_file: Path | None = typer.Option(None, "--json", help="Write the comparison to this file."),
    int8: bool = typer.Option(
        False,
        "--int8",
        help="Also make int8 files: smaller, and faster on most devices.",
        rich_help_panel=_FILES,
    ),
    float16: bool = typer.Option(
        False, "--float16", help="Also make files with half-precision weights.", rich_help_panel=_FILES
    ),
    dynamic: bool = typer.Option(
        False, "--dynamic", help="Also make files with int8 weights only.", rich_help_panel=_FILES
    ),
    formats: str | None = typer.Option(
        None,
        "--format",
        metavar="tflite,onnx",
        help="Formats that must be made; by default both, or the one that can express the network.",
        rich_help_panel=_FILES,
    ),
    force: bool = typer.Option(
        False,
        "--force",
        help="Overwrite files that edgecls did not export from this model.",
        rich_help_panel=_FILES,
    ),
    quantize: int | None = typer.Option(None, min=8, max=8, help="8 is --int8.", hidden=True),
    io: Io = typer.Option(
        "uint8",
        help="Input type of the exported files; int8 is for microcontrollers.",
        rich_help_panel=_FILES,
    ),
    max_drop: float | None = typer.Option(
        None,
        min=0,
        help="Points of validation accuracy that int8 may lose; if it loses more, better ranges and float "
        "layers are tried.",
        rich_help_panel=_FILES,
    ),
    target_precision: float | None = typer.Option(
        None,
        "--target-precision",
        min=0,
        max=1,
        help="Share of answers that should be right; less certain ones become `unknown`.  [default: 0.95]",
        rich_help_panel=_COMPARISON,
    ),
    precision: float | None = typer.Option(
        None, "--precision", min=0, max=1, hidden=True, help="Old name of --target-precision."
    ),
    data: str | None = typer.Option(
        None,
        "--data",
        "-d",
        help="Data set to calibrate and compare on; by default the one that the model was trained on.",
        rich_help_panel=_COMPARISON,
    ),
    calibration_images: int = typer.Option(
        512, min=1, help="Training images that int8 ranges are measured on.", rich_help_panel=_COMPARISON
    ),
    labels: Path | None = typer.Option(
        None, help="Labels in the order of the outputs: lines, JSON, YAML or CSV.", rich_help_panel=_FOREIGN
    ),
    picture_options: PictureOptions = AS_THE_FILE_SAYS,
    calibration: Path | None = typer.Option(
        None,
        help="Folder or archive of pictures like those it will see, in place of --data.",
        rich_help_panel=_FOREIGN,
    ),
) -> None:
    """Convert a Keras model to TFLite and ONNX, and compare each file with it.

    Examples:
        edgecls export --int8
        edgecls export photos.h5 --int8 --max-drop 1
        edgecls export theirs.keras --labels labels.txt --calibration photos/ --int8
    """
    if json_file:
        check_writable(json_file)
    chosen = exports.read_formats(formats)
    wanted: dict[Kind, bool] = {"int8": int8 or quantize == 8, "float16": float16, "dynamic": dynamic}
    kinds: tuple[Kind, ...] = tuple(kind for kind, is_wanted in wanted.items() if is_wanted)
    asked = target_precision if precision is None else precision
    exports.check_judged(kinds, max_drop, asked, calibration)

    def check_path(path: Path) -> None:
        if not force:
            exports.check_earlier(path, exports.planned_kinds(kinds, io), chosen)

    inputs = exports.read_inputs(
        model,
        data=data,
        labels=labels,
        picture_options=picture_options,
        calibration=calibration,
        check_path=check_path,
        on_step=show_step,
        on_note=note,
    )
    detail(f"model: {inputs.path}")
    show_step("loading TensorFlow")
    target = _USUAL_PRECISION if asked is None else asked
    options = exports.ExportOptions(kinds, io, target, chosen, max_drop, is_precision_asked=asked is not None)
    report = exports.run_export(inputs, options, calibration_images, show_step)
    if json_file:
        write_whole(json_file, report.to_json())
    print(wrap_for(sys.stdout, exports.render(report, columns_of(sys.stdout))))
    show_next(*_next_command(inputs, report))


def _next_command(inputs: "OwnModel | ForeignModel", report: "ExportReport") -> tuple[str, ...]:
    """What to type next, and why: a command that works for this model from here."""
    if report.is_useless:
        return _train_again(inputs)
    folder = inputs.path.parent
    files = [shlex.quote(str(folder / file.parity.file)) for file in report.files]
    if hasattr(inputs, "labels"):  # made elsewhere: no report says where its pictures are
        return (f"edgecls verify {files[-1]}",)
    own_report = data_sets.report_path(inputs.path)
    is_newest = folder == Path() and own_report.exists()
    return ("edgecls bench",) if is_newest else (f"edgecls verify {files[-1]}",)


def _train_again(inputs: "OwnModel | ForeignModel") -> tuple[str, str]:
    """Returns the command that trains the model for longer, and what else would help."""
    own: OwnModel | None = inputs if hasattr(inputs, "file") else None  # type: ignore[assignment]
    epochs = own.file.card.provenance.recipe.get("epochs") if own else None
    if not isinstance(epochs, int):
        return "edgecls train --data FOLDER", "with more --epochs or better pictures"
    report = shlex.quote(str(data_sets.report_path(inputs.path)))
    output = "" if inputs.path == DEFAULT_H5 else f" --output {shlex.quote(str(inputs.path))}"
    return f"edgecls train --from {report}{output} --epochs {2 * epochs}", "or with better pictures"
