"""The exported files of a folder, and the best of them, for when no file is named."""

from importlib.util import find_spec
from pathlib import Path

from .engine import EngineName
from .errors import EdgeclsError, MissingInput
from .model_file import ModelFile, ModelFormat, read_model

_ENGINES = {
    "litert": (ModelFormat.TFLITE, "ai_edge_litert"),
    "onnxruntime": (ModelFormat.ONNX, "onnxruntime"),
}
"""What each engine runs and the package it is in; the one that is faster at batch 1 comes first."""

_MAKE_ONE = "run `edgecls train`, then `edgecls export --int8`"


def find_model(folder: Path, engine: EngineName = "auto") -> ModelFile:
    """Reads the best exported file of a folder.

    TFLite comes before ONNX and int8 before float, as they are faster in this order; of two that are equal,
    the newest. A file that is damaged or not ours is passed over, and so is a format whose engine is not
    installed.

    Raises:
        MissingInput: there is none; the message says how to make one, and what is wrong with those there.
    """
    refused: list[str] = []
    for format_, package in [_ENGINES[engine]] if engine != "auto" else _ENGINES.values():
        if engine == "auto" and not find_spec(package):
            continue
        models = []
        for path in sorted(folder.glob(f"*.{format_}")):
            try:
                models.append(read_model(path))
            except EdgeclsError as error:
                refused.append(str(error).partition(";")[0])
        models = [model for model in models if model.format is format_]  # by content, not by name
        if models:
            return max(models, key=_merit)
    because = f" ({refused[0]})" if refused else ""
    raise MissingInput(f"no model in {_called(folder)}{because}; {_MAKE_ONE}, or name a file with --model")


def exported_files(folder: Path) -> list[Path]:
    """The `.tflite` and `.onnx` files of a folder, readable or not, in order of their names.

    Raises:
        MissingInput: there is none.
    """
    paths = sorted(path for format_, _ in _ENGINES.values() for path in folder.glob(f"*.{format_}"))
    if not paths:
        raise MissingInput(f"no .tflite or .onnx file in {_called(folder)}; {_MAKE_ONE}, or name a file")
    return paths


def _merit(model: ModelFile) -> tuple[bool, float]:
    return model.card.quantisation is not None, model.path.stat().st_mtime


def _called(folder: Path) -> str:
    return "this folder" if folder == Path() else str(folder)
