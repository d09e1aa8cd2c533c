"""What `camera` and `predict` share: which model, which engine, what counts as known."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from ..edge_runtime.classifier import Classifier

EngineName = Literal["auto", "litert", "onnxruntime"]
"""`edge_runtime.engine.EngineName`, which cannot be imported here without numpy."""

Model = Annotated[
    Path | None,
    typer.Option(
        help="A .tflite or .onnx that edgecls exported, or a folder; by default the best in this folder."
    ),
]
Engine = Annotated[EngineName, typer.Option(help="`auto` takes the one for the file's format.")]
Threads = Annotated[
    int, typer.Option(min=1, help="Of the engine; more than one has not helped networks this small.")
]
Confidence = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=1.0,
        help='Below this the answer is "unknown"; by default what the model was exported with.',
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(help="For a model made elsewhere: a text file with one label on each line."),
]
Scaling = Literal["0..255", "0..1", "-1..1"]
"""`edge_runtime.stranger.Scaling`."""
Scale = Annotated[
    Scaling | None,
    typer.Option(help="For a model made elsewhere: the pixels it was trained on; 0..1 unless told."),
]
TopK = Annotated[int, typer.Option(min=1, help="How many labels are ranked.")]


def spare_blas_threads() -> None:
    """Keeps numpy from starting a thread for each core, as no command on a device multiplies matrices.

    To be called before numpy is imported. It saves a sixth of the processor time to the first label.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def open_classifier(
    model: Path | None,
    engine: EngineName,
    threads: int,
    conf: float | None,
    topk: int,
    labels: Path | None,
    scale: Scaling | None,
) -> "Classifier":
    """Opens the model that was named, or the best of the folder; with labels, a model made elsewhere.

    Raises:
        EdgeclsError: there is none, it is damaged, or its engine is not installed.
    """
    from ..edge_runtime.classifier import Classifier
    from ..edge_runtime.errors import UsageError
    from ..edge_runtime.find_model import find_model
    from ..edge_runtime.model_file import read_model
    from ..edge_runtime.stranger import read_labels, read_stranger

    path = model or Path()
    if labels is None and scale is not None:
        raise UsageError("--scale is for a model made elsewhere; name its --labels too")
    if labels is not None:
        if path.is_dir():
            raise UsageError("--labels is for one model made elsewhere; name it with --model")
        found = read_stranger(path, read_labels(labels), scale or "0..1")
    else:
        found = find_model(path, engine) if path.is_dir() else read_model(path)
    return Classifier(
        found,
        engine=engine,
        threads=threads,
        threshold=conf,
        top=topk,
    )
