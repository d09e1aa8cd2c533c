"""Finds the model file to use, from a path, a folder or a name, or without any of them."""

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

from ..engines.names import EngineName, exported_in, has_models, suffixes
from ..errors import EdgeclsError, MissingInput
from .builtin import (
    SMALLEST,
    builtin_paths,
    default_name,
    expand_builtin,
    is_builtin_name,
    refuse_unknown_name,
)
from .model_file import ModelFile, WithoutCard, read_model
from .other_formats import refuse_other_folder
from .trial import check_model

_TRAIN_ONE = "run `edgecls train`, then `edgecls export --int8`"


def choose_model(
    named: Path | None, engine: EngineName = "auto", on_note: Callable[[str], None] = lambda _: None
) -> ModelFile:
    """Reads the model that `--model` names: a file, the best file of a folder, or a built-in model.

    Args:
        named: the file, folder or name. None: this folder if it holds a model of any kind, even one that
            is damaged or not exported yet: its owner wants no other; else the default built-in model.
        engine: only files that it runs.
        on_note: see `find_model`.

    Raises:
        MissingInput: there is no such model, or no engine for it.
        BadModel: the file is damaged.
    """
    if named is None:
        here = Path()
        return find_model(here, engine, on_note) if has_models(here) else builtin_model(engine)
    if is_builtin_name(named):
        return _builtin_model(str(named), engine)
    if named.is_dir():
        if not has_models(named):
            refuse_other_folder(named)
        return find_model(named, engine, on_note)
    refuse_unknown_name(named)
    return read_model(named)


def builtin_model(engine: EngineName = "auto") -> ModelFile:
    """Reads the default built-in model; see `default_name`.

    Raises:
        MissingInput: no engine for it is installed.
    """
    return _builtin_model(default_name(engine), engine)


def smallest_builtin_model(engine: EngineName = "auto") -> ModelFile:
    """Reads the built-in model that costs least, for whoever needs frames more than answers.

    Raises:
        MissingInput: no engine for it is installed.
    """
    return _builtin_model(SMALLEST, engine)


def find_model(
    folder: Path, engine: EngineName = "auto", on_note: Callable[[str], None] = lambda _: None
) -> ModelFile:
    """Reads the exported file of a folder that suits a device best.

    TFLite comes before ONNX and int8 before float32, the faster one first; of equal files, the newest
    is taken. Damaged and foreign files are skipped, those that do not pass `check_model`, and a format whose
    engine is not installed.

    Args:
        folder: where to look, but not in the folders in it.
        engine: only files that it runs.
        on_note: called with one line for each file that would have been taken if it had passed `check_model`.

    Raises:
        MissingInput: there is none; the message says how to make one, and what is wrong with the files there.
    """
    refused: list[str] = []
    failed: list[str] = []
    strangers: list[Path] = []
    for suffix in suffixes(engine):
        models: list[ModelFile] = []
        for path in sorted(folder.glob(f"*.{suffix}")):
            try:
                models.append(read_model(path))
            except EdgeclsError as error:
                refused.append(str(error).partition(";")[0])
                strangers += [path] if isinstance(error, WithoutCard) else []
        models = [model for model in models if model.format == suffix]  # by content, not by name
        for model in sorted(models, key=_preference, reverse=True):
            try:
                check_model(model)
            except EdgeclsError as error:
                failed.append(str(error).partition(";")[0])
            else:
                for reason in failed:
                    on_note(f"{reason}; using {model.path}")
                return model
    # One that is broken, or not exported yet, is a model all the same.
    refused += failed
    kind = "usable model" if refused else "exported model" if has_models(folder) else "model"
    reason = f" ({refused[0]})" if refused else ""
    if strangers:
        raise MissingInput(f"no {kind} in {_shown(folder)}{reason}; {_ways_with(strangers[0])}")
    raise MissingInput(
        f"no {kind} in {_shown(folder)}{reason}; {_advice(folder)}, or name one with --model: a file, or one "
        "that `edgecls models` lists"
    )


def any_model(named: Path | None) -> Path:
    """Returns the file that is meant, where any kind of model will do: to be looked at, not to be run.

    A folder's is the one that `find_model` takes, otherwise its newest: an `.h5` that is not exported yet, a
    foreign or a damaged file.

    Args:
        named: a file, a folder, or the name of a built-in model. None: this folder if it holds a model of any
            kind, else the default built-in model.

    Raises:
        MissingInput: there is none.
    """
    if named is None:
        named = Path() if _looked_at(Path()) else Path(default_name())
    (path, *_) = expand_builtin([named])
    if not path.is_dir():
        return path
    if not _looked_at(path):
        refuse_other_folder(path)
    try:
        return find_model(path).path
    except MissingInput:
        others = _looked_at(path) or exported_files(path)
        return max(others, key=lambda other: other.stat().st_mtime)


def _looked_at(folder: Path) -> list[Path]:
    return [*exported_in(folder), *folder.glob("*.h5"), *folder.glob("*.keras")]


def exported_files(folder: Path) -> list[Path]:
    """Returns the `.tflite` and `.onnx` files of a folder, readable or not, sorted by name.

    Raises:
        MissingInput: there is none.
    """
    paths = exported_in(folder)
    if not paths:
        raise MissingInput(
            f"no .tflite or .onnx file in {_shown(folder)}; {_advice(folder)}, or name a file or one that "
            "`edgecls models` lists"
        )
    return paths


def model_files(named: Iterable[Path]) -> list[Path]:
    """Returns the exported files that files, folders and names of built-in models stand for, in this order.

    Raises:
        MissingInput: a folder without any, or a name that is neither.
    """
    found: list[Path] = []
    for path in expand_builtin(named, "auto"):
        found += exported_files(path) if path.is_dir() else [path]
    return found


def _builtin_model(name: str, engine: EngineName) -> ModelFile:
    paths = builtin_paths(name, engine)
    if not paths:
        other = default_name(engine)
        if engine != "auto":
            raise MissingInput(f"{name}: has no file for {engine}; leave --engine out, or use {other}")
        instead = "" if other == name else f", or use {other}"
        raise MissingInput(
            f"{name}: no engine for it is installed; run `pip install ai-edge-litert`{instead}"
        )
    return read_model(paths[0])


def _advice(folder: Path) -> str:
    originals = sorted(folder.glob("*.h5"))
    command = f"run `edgecls export {shlex.quote(str(originals[0]))} --int8`" if originals else _TRAIN_ONE
    return f"{command}, copy an exported file here"  # a device cannot make one


def _ways_with(stranger: Path) -> str:
    file = shlex.quote(str(stranger))
    return (
        f"name it and its labels, `--model {file} --labels labels.txt`, or give it a card with "
        f"`edgecls adopt {file} --labels labels.txt --data FOLDER`"
    )


def _preference(model: ModelFile) -> tuple[bool, float]:
    return model.card.quantisation is not None, model.path.stat().st_mtime


def _shown(folder: Path) -> str:
    return "this folder" if folder == Path() else str(folder)
