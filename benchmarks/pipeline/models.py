"""Which two files the whole way is measured with: the one that a camera runs, and the naive program's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...edge_runtime.errors import EdgeclsError, MissingInput
from ...edge_runtime.model_file import ModelFile, ModelFormat, read_model


@dataclass(frozen=True)
class PipelineModels:
    """The files, and what a reader must know about them."""

    fast: ModelFile
    naive: ModelFile | None
    """A float32 `.onnx` of the same network; None leaves the naive way out."""
    notes: tuple[str, ...] = ()


def choose_models(paths: Sequence[Path]) -> PipelineModels:
    """Chooses among model files; those that cannot be read are passed over.

    The fast one is the int8 `.tflite`, or else the best that there is, as `edgecls camera` chooses.

    Raises:
        MissingInput: no exported file.
        EdgeclsError: none can be read; the error is that of the first.
    """
    models, first_error = [], None
    for path in paths:
        try:
            models.append(read_model(path))
        except EdgeclsError as error:
            first_error = first_error or error
    exported = [model for model in models if model.format is not ModelFormat.H5]
    if not exported:
        raise first_error or MissingInput(
            "--pipeline needs an int8 .tflite and the float32 .onnx of one network; run "
            "`edgecls export --int8`"
        )
    fast = max(exported, key=_merit)
    naive = next((model for model in exported if _is_naive(model, fast)), None)
    return PipelineModels(fast, naive, tuple(_notes(fast, naive)))


def _merit(model: ModelFile) -> tuple[bool, bool]:
    return model.format is ModelFormat.TFLITE, model.card.quantisation is not None


def _is_naive(model: ModelFile, fast: ModelFile) -> bool:
    """Whether it is float32 and computes the same: a comparison of labels would mean nothing otherwise."""
    card = model.card
    return (
        model.format is ModelFormat.ONNX
        and card.quantisation is None
        and card.labels == fast.card.labels
        and card.provenance.weights_sha256 == fast.card.provenance.weights_sha256
    )


def _notes(fast: ModelFile, naive: ModelFile | None) -> list[str]:
    notes = []
    if _merit(fast) != (True, True):
        notes.append(
            f"no int8 .tflite among the files: {fast.path.name} was measured in its place; "
            "`edgecls export --int8` makes one"
        )
    if naive is None:
        notes.append(
            f"no float32 .onnx of the same network as {fast.path.name}: the naive way was left out; "
            "`edgecls export` makes one"
        )
    return notes
