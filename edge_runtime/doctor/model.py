"""Whether the installed engines can read a model."""

from pathlib import Path

from ..errors import EdgeclsError
from ..files import read_whole
from ..guarded import run_guarded
from .finding import Finding, from_error, ok


def check_model(path: Path) -> Finding:
    """Whether a model file is whole and its engine can open it, tried in a process of its own."""
    try:
        engine = run_guarded(open_model, read_whole(path), str(path))
    except EdgeclsError as error:
        return from_error("model", error)
    return ok("model", f"{path}: {engine} reads it")


def exported_models(folder: Path) -> list[Path]:
    """The files of a folder that `edgecls camera` would choose from."""
    return sorted(path for suffix in ("tflite", "onnx") for path in folder.glob(f"*.{suffix}"))


def open_model(content: bytes, name: str) -> str:
    """Opens a model's engine and closes it again; runs in the child, as all of it needs numpy.

    Returns:
        The engine and its version.

    Raises:
        EdgeclsError: the file is damaged or not ours, its engine is not installed or cannot read it.
    """
    from ..engine import open_engine  # noqa: PLC0415 - with numpy
    from ..errors import BadModel  # noqa: PLC0415
    from ..model_file import ModelFile, model_format, own_card  # noqa: PLC0415 - with numpy

    format_ = model_format(content, name)
    card = own_card(content, format_, name)
    if card is None:
        raise BadModel(f"{name}: no model card; name its labels: `edgecls camera --model ... --labels ...`")
    engine = open_engine(ModelFile(Path(name), format_, content, card))
    engine.close()
    return engine.name
