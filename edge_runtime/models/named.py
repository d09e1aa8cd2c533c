"""The model that a user names with --model, --labels and the like, or the one that is taken without."""

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..engines.names import EngineName
from ..errors import MissingInput, UsageError
from ..files import MODEL_BYTES, read_whole
from ..images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from .builtin import SMALLEST, builtin_name, knows
from .find import choose_model, smallest_builtin_model
from .label_file import read_labels
from .model_file import ModelFile, WithoutCard
from .other_formats import refuse_other_folder
from .signature import check_signed

_METADATA = b"TFLITE_METADATA"
"""In a file that may have its labels inside."""
_COPIED_TOGETHER_S = 10
"""Files that were copied have the times of the copy, in any order."""


def find_model_file(
    model: Path | None,
    *,
    engine: EngineName = "auto",
    labels: Path | None = None,
    picture_options: PictureOptions = AS_THE_FILE_SAYS,
    require_signed: bool = False,
    records: bool = False,
    on_note: Callable[[str], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> ModelFile:
    """Reads the model that was named, the best in this folder, or a foreign model with its labels.

    Args:
        model: as `--model`; None takes the best in this folder, else the default built-in model.
        engine: only a model that it runs.
        labels: file with the labels of a foreign model, see `label_file.py`; None for those inside it.
        picture_options: how a foreign model wants its pictures, where its file does not say so.
        require_signed: only a file that is signed by a key that the user trusts, or a built-in model.
        records: frames are recorded, for which any model will do: where the folder's own cannot be used and
            none is named, the smallest built-in model answers.
        on_note: called with one line if a model was chosen that nobody named, and with what a foreign one
            says of itself.
        on_warning: called with one line if the folder's own model could not be used, or a foreign one says
            otherwise than the user.

    Raises:
        EdgeclsError: there is no such model, it is damaged, or not signed as required.
    """
    found = _find(
        model, engine, labels, picture_options, records=records, on_note=on_note, on_warning=on_warning
    )
    if require_signed and not builtin_name(found.path):
        check_signed(found)
    if labels is None and (model is None or model.is_dir()):
        for note in _notes(found, model):
            on_note(note)
    return found


def _find(
    model: Path | None,
    engine: EngineName,
    labels: Path | None,
    picture_options: PictureOptions,
    *,
    records: bool,
    on_note: Callable[[str], None],
    on_warning: Callable[[str], None],
) -> ModelFile:
    names = read_labels(labels, on_note) if labels else None
    if labels or not picture_options.is_empty:
        if model and model.is_dir():
            refuse_other_folder(model)
        if model is None or model.is_dir():
            option = "--labels" if labels else picture_options.text
            raise UsageError(f"{option}: for one foreign model; name it with --model")
        return _read_foreign(model, names, picture_options, on_note, on_warning)
    try:
        return choose_model(model, engine, on_note)
    except WithoutCard:
        if model is None or not model.is_file() or _METADATA not in read_whole(model, MODEL_BYTES):
            raise
        return _read_foreign(model, None, picture_options, on_note, on_warning)
    except MissingInput as error:
        if model is not None or not records:
            raise
        on_warning(
            f"{str(error).partition(';')[0]}; recording goes on with the answers of built-in {SMALLEST}"
        )
        return smallest_builtin_model(engine)


def _read_foreign(*arguments: Any) -> ModelFile:
    from .foreign import read_foreign  # noqa: PLC0415 - it reads networks, which a file of ours needs not

    return read_foreign(*arguments)


def _notes(found: ModelFile, asked: Path | None) -> Iterator[str]:
    """What a user should know of a model that was chosen and not named."""
    name = builtin_name(found.path)
    if asked is None and name:
        yield f"no model in this folder; using the built-in {name} ({knows(name, found.card.labels)})"
    original = found.path.with_name(f"{found.path.stem.removesuffix('_int8')}.h5")
    if original.exists() and original.stat().st_mtime > found.path.stat().st_mtime + _COPIED_TOGETHER_S:
        yield (
            f"{original} is newer than {found.path}; if you trained again, "
            f"run `edgecls export {shlex.quote(str(original))} --int8`"
        )
