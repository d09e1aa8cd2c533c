"""What `camera` and `predict` share: which model, which engine, what counts as known."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..edge_runtime.engines.names import EngineName

if TYPE_CHECKING:
    from ..edge_runtime.classifier import Classifier
    from ..edge_runtime.models.model_file import ModelFile


Model = Annotated[
    Path | None,
    typer.Option(
        help="A .tflite or .onnx that edgecls exported, a folder, or a name that `edgecls models` lists; by "
        "default of those in this folder an int8 .tflite first, the newest, or else nano."
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
"""`edge_runtime.models.foreign.Scaling`."""
Scale = Annotated[
    Scaling | None,
    typer.Option(help="For a model made elsewhere: the pixels it was trained on; 0..1 unless told."),
]
TopK = Annotated[int, typer.Option(min=1, help="How many labels are ranked.")]


_COPIED_TOGETHER_S = 10
"""Files that were copied have the times of the copy, in any order."""


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
    from ..edge_runtime.models.foreign import read_foreign, read_labels

    if labels is None and scale is not None:
        raise UsageError("--scale is for a model made elsewhere; name its --labels too")
    if labels is not None:
        if model is None or model.is_dir():
            raise UsageError("--labels is for one model made elsewhere; name it with --model")
        found = read_foreign(model, read_labels(labels), scale or "0..1")
    else:
        found = choose_model(model, engine)
    return Classifier(
        found,
        engine=engine,
        threads=threads,
        threshold=conf,
        top=topk,
    )


def choose_model(model: Path | None, engine: EngineName) -> "ModelFile":
    """What `--model` means, told of where nobody asked for it; see `find_model.choose_model`."""
    from ..edge_runtime.models import find
    from ..edge_runtime.models.builtin import builtin_name

    found = find.choose_model(model, engine)
    name = builtin_name(found.path)
    if model is None and name:
        print(
            f"edgecls: no model in this folder: {name}, which comes with edgecls, answers; it knows "
            f"{', '.join(found.card.labels)}, and nothing else",
            file=sys.stderr,
        )
    if model is None or model.is_dir():
        _tell_if_trained_since(found.path)
    return found


def _tell_if_trained_since(path: Path) -> None:
    """Says so where the `.h5` beside an exported file is newer: whoever trained again may have forgotten."""
    original = path.with_name(f"{path.stem.removesuffix('_int8')}.h5")
    if original.exists() and original.stat().st_mtime > path.stat().st_mtime + _COPIED_TOGETHER_S:
        print(
            f"edgecls: {original} is newer than {path}, which answers; if it was trained again, "
            f"run `edgecls export {shlex.quote(str(original))} --int8`",
            file=sys.stderr,
        )
