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
) -> "Classifier":
    """Opens the model that was named, or the best of the folder.

    Raises:
        EdgeclsError: there is none, it is damaged, or its engine is not installed.
    """
    from ..edge_runtime.classifier import Classifier
    from ..edge_runtime.find_model import find_model

    path = model or Path()
    return Classifier(
        find_model(path, engine) if path.is_dir() else path,
        engine=engine,
        threads=threads,
        threshold=conf,
        top=topk,
    )
