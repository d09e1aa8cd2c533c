"""`edgecls verify`: checks that a model answers here as it did on the machine that exported it."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .. import edge_runtime
from ..edge_runtime.errors import BadImage, BadModel, CheckFailed, EdgeclsError, UsageError
from ..edge_runtime.models.builtin import shown_path
from ..edge_runtime.text import paint, printable, wrap_for
from .messages import detail, note
from .model_options import complete_models, spare_blas_threads

if TYPE_CHECKING:
    from ..edge_runtime.models.model_file import ModelFile


def verify(
    models: list[Path] | None = typer.Argument(
        None,
        metavar="MODELS...",
        autocompletion=complete_models,
        help="Exported files, folders of them, or names that `edgecls models` lists; by default this folder.",
        show_default=False,
    ),
    threads: int = typer.Option(1, min=1, max=1024, help="Engine threads."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object for each file."),
) -> None:
    """Replay the golden frames inside exported files, and say pass or fail.

    Golden frames are a few pictures with the answers that the file gave when it was exported.

    Examples:
        edgecls verify
        edgecls verify image_classification_int8.tflite
        edgecls verify nano --json
    """
    spare_blas_threads()
    failed = []
    for model in _read(models or [Path()]):
        path = model.path
        if model.format == "h5":
            raise UsageError(f"{path}: the Keras original; verify takes the files that `edgecls export` made")
        if not model.card.golden:
            raise BadModel(f"{path}: its card has no golden frames; export it again")
        engine = edge_runtime.open_engine(model, threads=threads)
        detail(f"{path}: {len(model.card.golden)} golden frames, on {engine.name}")
        try:
            with edge_runtime.watched(engine, path, model.size_bytes) as watching:
                results = edge_runtime.replay_golden(watching, model.card)
        except BadImage as error:
            raise BadModel(f"{path}: {error}") from error
        held = all(result.holds for result in results)
        if as_json:
            frames = [asdict(result) | {"holds": result.holds, "reason": result.reason} for result in results]
            print(json.dumps({"file": str(path), "engine": engine.name, "holds": held, "frames": frames}))
        else:
            verdict = paint("pass" if held else "FAIL", sys.stdout)
            print(f"{printable(shown_path(path))}: {verdict} ({engine.name})")
            for result in results:
                print(wrap_for(sys.stdout, f"  {result.text}"))
        if not held:
            failed.append(shown_path(path))
        engine.close()
    if failed:
        raise CheckFailed(
            f"{', '.join(failed)}: this machine answers differently from the one that exported; "
            "copy or export it again, or update the engine"
        )


def _read(named: list[Path]) -> "Iterator[ModelFile]":
    """Reads the files that are meant; of a folder, those that edgecls made; a line names the others."""
    paths = edge_runtime.model_files(named)
    others: list[EdgeclsError] = []
    for path in paths:
        try:
            yield edge_runtime.read_model(path)
        except edge_runtime.WithoutCard as error:
            if path in named:
                raise
            others.append(error)
    if len(others) == len(paths):
        raise others[0]
    for error in others:
        note(f"{str(error).partition(';')[0]}; not verified")
