"""Names of the engines and suffixes of their model files, known without loading an engine or numpy."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

EngineName = Literal["auto", "litert", "onnxruntime"]

ENGINES = {"litert": ("tflite", "ai_edge_litert"), "onnxruntime": ("onnx", "onnxruntime")}
"""Engine: suffix of its files, package that it is in. The engine that is faster at batch 1 comes first."""


DEFAULT_H5 = Path("image_classification.h5")
"""What `edgecls train` writes where no other name is given."""


def suffixes(engine: EngineName = "auto") -> tuple[str, ...]:
    """Returns the suffixes, without a dot, of what an engine runs; for `auto`, of all installed engines."""
    if engine != "auto":
        return (ENGINES[engine][0],)
    return tuple(suffix for suffix, package in ENGINES.values() if find_spec(package))


def exported_in(folder: Path) -> list[Path]:
    """Returns the `.tflite` and `.onnx` files of a folder, readable or not, sorted by name."""
    return sorted(path for suffix, _ in ENGINES.values() for path in folder.glob(f"*.{suffix}"))


def has_models(folder: Path) -> bool:
    """Whether a folder holds exported files, or an `.h5` that is not exported yet."""
    return bool(exported_in(folder)) or any(folder.glob("*.h5"))
