"""Files that an export finds beside the original: what it may overwrite, and what is out of date after it.

Needs no Keras, so that a refusal comes at once.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, get_args

from ..edge_runtime.errors import BadModel, EdgeclsError, UsageError
from ..edge_runtime.files import MODEL_BYTES, read_whole
from ..edge_runtime.models.card import ModelCard
from ..edge_runtime.models.model_file import ModelFormat, read_card

Kind = Literal["float32", "int8", "float16", "dynamic"]
FORMATS = (ModelFormat.TFLITE, ModelFormat.ONNX)
_ORIGINALS = (".h5", ".hdf5", ".keras")
_OLD = ".old"


def exported_path(original: Path, kind: Kind, format_: ModelFormat) -> Path:
    """Returns the path beside the original: `pets_int8.tflite` for `pets.h5`."""
    suffix = "" if kind == "float32" else f"_{kind}"
    return original.with_name(f"{original.stem}{suffix}.{format_}")


def planned_kinds(kinds: Iterable[Kind], io: str) -> tuple[Kind, ...]:
    """Returns the kinds that an export makes: float32 first, but for integers in and out."""
    others: tuple[Kind, ...] = tuple(kind for kind in kinds if kind != "float32")
    return others if io == "int8" else ("float32", *others)


def check_earlier(original: Path, kinds: Iterable[Kind], formats: Iterable[ModelFormat]) -> None:
    """Checks that the files of an export replace only files that an export of this original made.

    Raises:
        UsageError: one was made elsewhere, adopted, or exported from another original of this name.
    """
    for path, format_ in _paths(original, kinds, tuple(formats) or FORMATS):
        if not path.is_file():
            continue
        try:
            card = read_card(read_whole(path, MODEL_BYTES), format_, str(path))
        except BadModel:  # ours, and damaged
            continue
        why = "edgecls did not export it"
        if card is not None and card.provenance.weights_sha256:
            other = _other_original(original, card)
            if other is None:
                continue
            why = f"it was exported from {other}"
        raise UsageError(f"{path}: exists, and {why}; move it away, or overwrite it with --force")


def set_aside_outdated(original: Path, written: Iterable[Path], sha256: str) -> Iterator[str]:
    """Renames the exported files beside an original that were made from other weights than these.

    Args:
        original: the Keras file that was exported.
        written: the files that the export has just made.
        sha256: of the original's content.

    Yields:
        A line for each.
    """
    new = set(written)
    for path, format_ in _paths(original, get_args(Kind), FORMATS):
        if path in new or not path.is_file():
            continue
        try:
            card = read_card(read_whole(path, MODEL_BYTES), format_, str(path))
            if card is None or card.provenance.weights_sha256 in ("", sha256):
                continue
            if _other_original(original, card) is None:
                aside = path.with_name(path.name + _OLD)
                path.replace(aside)
                yield f"{path.name} was exported from other weights; it is {aside.name} now"
        except (EdgeclsError, OSError):  # damaged, or of a folder that lets nothing be renamed
            continue


def _paths(
    original: Path, kinds: Iterable[Kind], formats: tuple[ModelFormat, ...]
) -> Iterator[tuple[Path, ModelFormat]]:
    for kind in kinds:
        for format_ in formats:
            yield exported_path(original, kind, format_), format_


def _other_original(original: Path, card: ModelCard) -> Path | None:
    """Another Keras file of this name from which a file was exported, if it is still there."""
    for suffix in _ORIGINALS:
        path = original.with_suffix(suffix)
        if path != original and path.is_file():
            content = read_whole(path, MODEL_BYTES)
            if hashlib.sha256(content).hexdigest() == card.provenance.weights_sha256:
                return path
    return None
