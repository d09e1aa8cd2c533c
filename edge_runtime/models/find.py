"""Finds the model that is meant: by a path, a folder or a name, or by nothing at all."""

import shlex
from pathlib import Path

from ..engines.names import ENGINES, EngineName, suffixes
from ..errors import EdgeclsError, MissingInput
from .builtin import DEFAULT, builtin_paths, is_builtin_name, refuse_unknown_name
from .model_file import ModelFile, read_model

_MAKE_ONE = "run `edgecls train`, then `edgecls export --int8`"


def choose_model(named: Path | None, engine: EngineName = "auto") -> ModelFile:
    """Reads the model that `--model` means: a file, one of a folder, or a built-in model by its name.

    Args:
        named: what was asked for; None: as if it were this folder, or where no model of any kind lies in
            it, the default built-in model. Whoever has a file of their own, be it damaged or not exported
            yet, does not want the answers of another.
        engine: only what it runs.

    Raises:
        MissingInput: there is no such model, or no engine for it.
        BadModel: it is damaged.
    """
    if named is None:
        here = Path()
        return find_model(here, engine) if _holds_models(here) else _builtin_model(DEFAULT, engine)
    if is_builtin_name(named):
        return _builtin_model(str(named), engine)
    if named.is_dir():
        return find_model(named, engine)
    refuse_unknown_name(named)
    return read_model(named)


def find_model(folder: Path, engine: EngineName = "auto") -> ModelFile:
    """Reads the exported file of a folder that a device should run.

    TFLite comes before ONNX and int8 before float, as they are faster in this order; of two that are equal,
    the newest. A file that is damaged or not ours is passed over, and so is a format whose engine is not
    installed.

    Raises:
        MissingInput: there is none; the message says how to make one, and what is wrong with those there.
    """
    refused: list[str] = []
    for suffix in suffixes(engine):
        models = []
        for path in sorted(folder.glob(f"*.{suffix}")):
            try:
                models.append(read_model(path))
            except EdgeclsError as error:
                refused.append(str(error).partition(";")[0])
        models = [model for model in models if model.format == suffix]  # by content, not by name
        if models:
            return max(models, key=_merit)
    because = f" ({refused[0]})" if refused else ""
    raise MissingInput(
        f"no model in {_called(folder)}{because}; {_make_one(folder)}, or name one with --model: a file, or "
        "one that `edgecls models` lists"
    )


def exported_files(folder: Path) -> list[Path]:
    """The `.tflite` and `.onnx` files of a folder, readable or not, in order of their names.

    Raises:
        MissingInput: there is none.
    """
    paths = _exported(folder)
    if not paths:
        raise MissingInput(
            f"no .tflite or .onnx file in {_called(folder)}; {_make_one(folder)}, or name a file or one that "
            "`edgecls models` lists"
        )
    return paths


def _builtin_model(name: str, engine: EngineName) -> ModelFile:
    paths = builtin_paths(name, engine)
    if not paths:
        raise MissingInput(f"{name}: no engine for it is installed; run `pip install ai-edge-litert`")
    return read_model(paths[0])


def _make_one(folder: Path) -> str:
    originals = sorted(folder.glob("*.h5"))
    make = f"run `edgecls export {shlex.quote(str(originals[0]))} --int8`" if originals else _MAKE_ONE
    return f"{make}, copy an exported file here"  # a device cannot make one


def _exported(folder: Path) -> list[Path]:
    return sorted(path for suffix, _ in ENGINES.values() for path in folder.glob(f"*.{suffix}"))


def _holds_models(folder: Path) -> bool:
    return bool(_exported(folder)) or any(folder.glob("*.h5"))


def _merit(model: ModelFile) -> tuple[bool, float]:
    return model.card.quantisation is not None, model.path.stat().st_mtime


def _called(folder: Path) -> str:
    return "this folder" if folder == Path() else str(folder)
