"""`edgecls inspect`: shows what is inside a model file, ours or foreign."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .. import edge_runtime
from ..edge_runtime.models.builtin import builtin_name
from ..edge_runtime.text import json_for_stdout, wrap_for
from .messages import note, show_next
from .model_options import complete_models, spare_blas_threads

if TYPE_CHECKING:
    from ..edge_runtime.inspection.facts import ModelFacts, NetworkFacts


def inspect(
    model: Path | None = typer.Argument(
        None,
        metavar="MODEL",
        autocompletion=complete_models,
        help="An .h5, .keras, .tflite or .onnx file from any source, a folder of them, or a name that "
        "`edgecls models` lists.  [default: the best in this folder, or the built-in model]",
        show_default=False,
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Show what is inside a model file, without running it.

    Format, checksum, inputs, outputs, operators, and the model card if it has one.

    Examples:
        edgecls inspect
        edgecls inspect image_classification_int8.tflite
        edgecls inspect downloaded.onnx --json
        edgecls inspect nano
    """
    spare_blas_threads()
    facts = edge_runtime.inspect_model(edge_runtime.any_model(model))
    if as_json:
        print(json_for_stdout(facts.to_json()))
        return
    print(wrap_for(sys.stdout, facts.text))
    if facts.card is None and facts.unfit:
        note(f"no command takes it: {facts.unfit}")
        return
    show_next(_next_command(facts), gap=True)


def _next_command(facts: "ModelFacts") -> str:
    file = builtin_name(Path(facts.file)) or shlex.quote(facts.file)
    if facts.format in ("h5", "keras") and facts.card:
        return f"edgecls export {file}"
    if facts.card is None:
        return _foreign_command(file, facts.network)
    return f"edgecls verify {file}"


def _foreign_command(file: str, network: "NetworkFacts") -> str:
    """The command for a file made elsewhere, with the options that this one needs."""
    rows = [output.name for output in network.outputs if output.is_row]
    options = [
        *([] if network.has_labels else ["--labels labels.txt"]),
        *(["--imgsz 224"] if network.inputs[0].has_any_size else []),
        *([f"--output {shlex.quote(rows[0])}"] if len(network.outputs) > 1 else []),
    ]
    if network.pixels:
        return " ".join([f"edgecls camera --model {file}", *options])
    return " ".join([f"edgecls adopt {file} --data photos", *options])
