"""Which package runs which files: told without loading one, as each takes a while and none may be there."""

from importlib.util import find_spec
from typing import Literal

EngineName = Literal["auto", "litert", "onnxruntime"]

ENGINES = {"litert": ("tflite", "ai_edge_litert"), "onnxruntime": ("onnx", "onnxruntime")}
"""The suffix of what each engine runs, and the package it is in; the faster one at batch 1 comes first."""


def suffixes(engine: EngineName = "auto") -> tuple[str, ...]:
    """The suffixes, without a dot, that an engine runs; for `auto`, that the engines installed here run."""
    if engine != "auto":
        return (ENGINES[engine][0],)
    return tuple(suffix for suffix, package in ENGINES.values() if find_spec(package))
