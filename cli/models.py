"""`edgecls models`: lists the built-in models."""

import json
import sys
from typing import TYPE_CHECKING

import typer

from .. import edge_runtime
from ..edge_runtime.models.builtin import ACCURACY, NAMES, builtin_paths, default_name, knows
from ..edge_runtime.text import columns_of, wrap_for
from ..edge_runtime.text_table import Heading, table
from .messages import show_next
from .model_options import spare_blas_threads

if TYPE_CHECKING:
    from ..edge_runtime.models.model_file import ModelFile

_HEADINGS = ("model", "file", "bytes", "top-1", Heading("test images", -1), Heading("data", -2))


def models(
    as_json: bool = typer.Option(False, "--json", help="Print a JSON list, with the paths of the files."),
) -> None:
    """List the models that come with edgecls, for `--model NAME`.

    Examples:
        edgecls models
        edgecls camera --model imagenet
    """
    spare_blas_threads()
    found = [(name, edge_runtime.read_model(path)) for name in NAMES for path in builtin_paths(name)]
    if as_json:
        print(json.dumps([_facts(name, file) for name, file in found], indent=1))
        return
    print(table(_HEADINGS, [_cells(name, file) for name, file in found], columns_of(sys.stdout)))
    print(wrap_for(sys.stdout, "\n".join(_notes(found))))
    show_next(f"edgecls camera --model {default_name()}")


def _notes(found: "list[tuple[str, ModelFile]]") -> list[str]:
    cards = {name: file.card for name, file in found}
    notes = ["top-1: accuracy of the file on the test images; -: not measured, see `edgecls inspect`"]
    notes += [f"{name}: {knows(name, card.labels)}" for name, card in cards.items()]
    notes += [
        f"{name}: answers below {card.threshold:g} are unknown ({card.threshold_note})"
        for name, card in cards.items()
        if card.threshold_note
    ]
    notes.append(
        "weights: MIT licence, as edgecls; those of imagenet are Google's, under the Apache License 2.0"
    )
    return notes


def _cells(name: str, file: "ModelFile") -> list[str]:
    made = file.card.provenance
    accuracy = f"{ACCURACY[file.path.name]:.2%}" if file.path.name in ACCURACY else "-"
    images = "-" if made.images is None else f"{made.images:,}"
    return [name, f"{file.format} {_scheme(file)}", f"{file.size_bytes:,}", accuracy, images, made.data]


def _facts(name: str, file: "ModelFile") -> dict[str, object]:
    card, made = file.card, file.card.provenance
    return {
        "name": name,
        "path": str(file.path),
        "format": str(file.format),
        "scheme": _scheme(file),
        "size_bytes": file.size_bytes,
        "labels": card.labels,
        "size_px": [card.image.height_px, card.image.width_px],
        "threshold": card.threshold,
        "threshold_note": card.threshold_note,
        "accuracy": ACCURACY.get(file.path.name),
        "accuracy_before_export": made.accuracy,
        "split": made.split,
        "images": made.images,
        "data": made.data,
        "data_sha256": made.data_sha256,
        "weights_sha256": made.weights_sha256,
    }


def _scheme(file: "ModelFile") -> str:
    return file.card.quantisation.scheme if file.card.quantisation else "float32"
