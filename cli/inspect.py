"""`edgecls inspect`: what is inside a model file, ours or foreign."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..edge_runtime.inspection.facts import ModelFacts


def inspect(
    model: Path = typer.Argument(
        help="An .h5, .keras, .tflite or .onnx file, from wherever, or a name that `edgecls models` lists.",
        show_default=False,
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object on stdout."),
) -> None:
    """Show what is inside a model file, without running it.

    Card, inputs, outputs, operators, size, checksum, of a file of ours or of anybody's.
    """
    from ..edge_runtime.inspection.inspect import inspect_model
    from ..edge_runtime.models.builtin import expand_builtin
    from ..edge_runtime.text import printable

    facts = inspect_model(expand_builtin([model])[0])
    if as_json:
        print(facts.to_json())
        return
    print(facts.text)
    print(f"\nnext: {printable(_next_command(facts))}")


def _next_command(facts: "ModelFacts") -> str:
    file = shlex.quote(facts.file)
    if facts.format in ("h5", "keras"):
        return f"edgecls export {file}" + ("" if facts.card else " --labels labels.txt")
    if facts.card is None:
        return f"edgecls camera --model {file} --labels labels.txt"
    return f"edgecls verify {file}"
