"""`edgecls export`: the trained `.h5` to TFLite and ONNX, compared with Keras."""

import json
from dataclasses import asdict
from pathlib import Path

import typer


def export(
    model: Path = typer.Argument(Path("image_classification.h5"), help="The .h5 that `edgecls train` saved."),
    int8: bool = typer.Option(
        False, "--int8", help="Also make int8 files: smaller, and faster on most devices."
    ),
    data: str | None = typer.Option(
        None, help="The data set to calibrate and compare on; by default the one that it was trained on."
    ),
    calibration_images: int = typer.Option(
        512, min=1, help="Training images that int8 ranges are measured on."
    ),
    precision: float | None = typer.Option(
        None,
        min=0,
        max=1,
        help="Share of answers to be right, such as 0.95: less sure ones become `unknown`.",
    ),
    json_file: Path | None = typer.Option(None, "--json", help="Write the comparison to this file."),
) -> None:
    """Convert the trained model to TFLite and ONNX, each proven against Keras."""
    from ..edge_runtime.errors import MissingInput
    from ..edge_runtime.files import write_whole
    from ..edge_runtime.model_file import read_model
    from .steps import show_step
    from .training_data import training_data

    if not model.exists():
        raise MissingInput(f"{model}: no such file; run `edgecls train` first, or name the .h5")
    dataset = training_data(model, read_model(model).card, data)

    from ..export.calibration import choose_calibration
    from ..export.convert import Pictures, export_model

    calibration = None
    if int8:
        calibration = choose_calibration(
            dataset.train.images, dataset.train.truth, seed=0, count=calibration_images
        )
    reports = export_model(
        model,
        test=Pictures(dataset.test.images, dataset.test.truth),
        val=Pictures(dataset.val.images, dataset.val.truth),
        calibration=calibration,
        precision=precision,
        on_step=show_step,
    )
    if json_file:
        write_whole(json_file, json.dumps([asdict(report) for report in reports], indent=1) + "\n")
    print(_summary(reports, dataset.name))
    print("next: edgecls bench")


def _summary(reports: list, data_name: str) -> str:
    from ..edge_runtime.table import table
    from ..export.confidence import HEADERS as CONFIDENCE_HEADERS
    from ..export.parity import HEADERS as PARITY_HEADERS

    parity = reports[0].parity
    rows = [(*report.parity.cells(), *report.confidence.cells()) for report in reports]
    lines = [
        table((*PARITY_HEADERS, *CONFIDENCE_HEADERS), rows),
        f"compared on {parity.images:,} test images of {data_name}; Keras: {parity.keras_accuracy:.2%}",
        "unknown: validation images under the threshold; precision: of the others, those answered right",
    ]
    return "\n".join(lines)
