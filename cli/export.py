"""`edgecls export`: the trained `.h5` to TFLite and ONNX, compared with Keras."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from ..edge_runtime.images.rule import PixelRange
from .model_options import Labels, Scale
from .train import DEFAULT_MODEL

if TYPE_CHECKING:
    from ..data.load import Dataset
    from ..export.export import ExportReport
    from ..export.keras_file import KerasEngine


Io = Literal["uint8", "int8", "float32"]
Kind = Literal["float32", "int8", "float16", "dynamic"]


def export(
    model: Path | None = typer.Argument(
        None, help="An .h5 of `edgecls train`, or any.  [default: the newest in this folder]"
    ),
    int8: bool = typer.Option(
        False, "--int8", help="Also make int8 files: smaller, and faster on most devices."
    ),
    float16: bool = typer.Option(False, "--float16", help="Also make files with half-precision weights."),
    dynamic: bool = typer.Option(False, "--dynamic", help="Also make files with int8 weights alone."),
    quantize: int | None = typer.Option(None, min=8, max=8, help="8 is --int8.", hidden=True),
    io: Io = typer.Option("uint8", help="What the files take; int8 is for microcontrollers."),
    max_drop: float | None = typer.Option(
        None,
        min=0,
        help="Points of validation accuracy that int8 may lose; better ways are tried until then.",
    ),
    precision: float = typer.Option(
        0.95, min=0, max=1, help="Share of the answers to be right: less sure ones become `unknown`."
    ),
    data: str | None = typer.Option(
        None, help="The data set to calibrate and compare on; by default the one that it was trained on."
    ),
    calibration_images: int = typer.Option(
        512, min=1, help="Training images that int8 ranges are measured on."
    ),
    calibration: Path | None = typer.Option(
        None, help="A folder of pictures, for a model made elsewhere: instead of --data."
    ),
    labels: Labels = None,
    scale: Scale = None,
    json_file: Path | None = typer.Option(None, "--json", help="Write the comparison to this file."),
) -> None:
    """Convert the model to TFLite and ONNX, each proven against Keras."""
    from ..edge_runtime.errors import MissingInput
    from ..edge_runtime.files import check_writable, write_whole
    from .messages import show_step

    model = model or _newest()
    if not model.exists():
        raise MissingInput(f"{model}: no such file; run `edgecls train` first, or name the .h5")
    if json_file:
        check_writable(json_file)
    original, dataset = _original(model, labels, scale, data, calibration)

    from ..export.calibration import choose_calibration
    from ..export.export import EvaluationImages, Export, ExportOptions

    wanted: dict[Kind, bool] = {"int8": int8 or quantize == 8, "float16": float16, "dynamic": dynamic}
    kinds: tuple[Kind, ...] = tuple(kind for kind in wanted if wanted[kind])
    truth_known = calibration is None
    ranges = None
    if wanted["int8"]:
        train = dataset.train
        ranges = choose_calibration(train.images, train.truth, seed=0, count=calibration_images)
    test, val = (
        EvaluationImages(split.images, split.truth if truth_known else None)
        for split in (dataset.test, dataset.val)
    )
    options = ExportOptions(kinds, io, precision, max_drop)
    reports = Export(original, model, test, val, ranges, options, show_step).run()
    if json_file:
        write_whole(json_file, json.dumps([asdict(report) for report in reports], indent=1) + "\n")
    print(_summary(reports, dataset.name, len(val.images)))
    print("next: edgecls bench")


def _newest() -> Path:
    """What `edgecls train` wrote last, under whatever name."""
    return max(Path().glob("*.h5"), key=lambda path: path.stat().st_mtime, default=DEFAULT_MODEL)


def _original(
    model: Path, labels: Path | None, scale: PixelRange | None, data: str | None, calibration: Path | None
) -> "tuple[KerasEngine, Dataset]":
    """The Keras model and the pictures to export it with."""
    from ..data.model_data import check_foreign_data, foreign_data, training_data
    from ..edge_runtime.errors import UsageError
    from ..edge_runtime.models.model_file import read_model

    if labels is None:
        if scale or calibration:
            raise UsageError(
                "--scale and --calibration are for a model made elsewhere; name its --labels too"
            )
        dataset = training_data(model, read_model(model).card, data)
        from ..export.keras_file import KerasEngine

        return KerasEngine(model), dataset
    from ..edge_runtime.models.foreign import read_labels

    names = read_labels(labels)
    check_foreign_data(data, calibration)
    from ..export.keras_file import KerasEngine, load_foreign

    loaded = load_foreign(model, names, scale or "0..1")
    return KerasEngine(loaded), foreign_data(loaded[1].card, data, calibration)


def _summary(reports: "list[ExportReport]", data_name: str, val_images: int) -> str:
    from ..edge_runtime.text import table
    from ..export.confidence import FEW_IMAGES
    from ..export.confidence import HEADERS as CONFIDENCE_HEADERS
    from ..export.parity import HEADERS as PARITY_HEADERS

    rows = [
        (*report.parity.cells(), *(report.confidence.cells() if report.confidence else ("-", "-", "-")))
        for report in reports
    ]
    parity = reports[0].parity
    keras = "" if parity.keras_accuracy is None else f"; Keras: {parity.keras_accuracy:.2%}"
    lines = [
        table((*PARITY_HEADERS, *CONFIDENCE_HEADERS), rows),
        f"compared on {parity.images:,} test images of {data_name}{keras}",
        "unknown: validation images under the threshold; precision: of the others, those answered right",
        "pictures of other things that get no label: " + _refused(reports),
    ]
    if reports[0].confidence and val_images < FEW_IMAGES:
        lines.append(f"only {val_images} validation images: threshold, unknown and precision are guesses")
    for report in reports:
        lines += [f"{report.parity.file}: {step}" for step in report.steps]
    return "\n".join(lines)


def _refused(reports: "list[ExportReport]") -> str:
    """The least share that any of the files refuses, by kind."""
    kinds = reports[0].refused
    return ", ".join(f"{kind} {min(report.refused[kind] for report in reports):.0%}" for kind in kinds)
