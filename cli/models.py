"""`edgecls models`: the built-in models."""

import json
from typing import TYPE_CHECKING

import typer

from .model_options import spare_blas_threads

if TYPE_CHECKING:
    from ..edge_runtime.models.model_file import ModelFile


_HEADERS = ("model", "file", "bytes", "top-1", "test images", "data")


def models(
    as_json: bool = typer.Option(False, "--json", help="The list as JSON, with the files' paths."),
) -> None:
    """List the models that come with edgecls, for `--model NAME`."""
    spare_blas_threads()
    from ..edge_runtime.models.builtin import DEFAULT, builtin_names, builtin_paths
    from ..edge_runtime.models.model_file import read_model
    from ..edge_runtime.text import table

    found = [(name, read_model(path)) for name in builtin_names() for path in builtin_paths(name)]
    if as_json:
        print(json.dumps([_facts(name, file) for name, file in found], indent=1))
        return
    print(table(_HEADERS, [_cells(name, file) for name, file in found]))
    print("top-1: of the Keras original, before export, on so many test images of the data")
    print(f"they know, and nothing else: {', '.join(found[0][1].card.labels)}")
    print("weights: MIT licence, as edgecls; trained on CIFAR-10 (A. Krizhevsky, 2009)")
    print(f"next: edgecls camera --model {DEFAULT}")


def _cells(name: str, file: "ModelFile") -> list[str]:
    made = file.card.provenance
    accuracy = "-" if made.accuracy is None else f"{made.accuracy:.2%}"
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
        "accuracy_before_export": made.accuracy,
        "split": made.split,
        "images": made.images,
        "data": made.data,
        "data_sha256": made.data_sha256,
        "weights_sha256": made.weights_sha256,
    }


def _scheme(file: "ModelFile") -> str:
    return file.card.quantisation.scheme if file.card.quantisation else "float32"
