"""Engine: what runs a network. One picture in, probabilities out."""

from typing import Protocol, runtime_checkable

import numpy as np

from ..errors import BadModel, UsageError
from ..models.model_file import ModelFile, ModelFormat
from .names import EngineName


@runtime_checkable
class Engine(Protocol):
    """Runs one network, one picture at a time. Not safe to share between threads."""

    name: str
    """The engine and its version, such as `litert 2.3.0`."""
    input_size_px: tuple[int, int]
    """(height, width)."""
    classes: int

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Classifies uint8 (H, W, 3) RGB; returns float32 (C,), a copy of its own, summing to 1."""
        ...

    def close(self) -> None:
        """Frees the engine's memory. Calling it twice is allowed."""
        ...


def open_engine(model: ModelFile, engine: EngineName = "auto", threads: int = 1) -> Engine:
    """Opens the engine that runs this file's format, and checks the network against its card.

    Raises:
        UsageError: the engine that was asked for does not run this format.
        Unavailable: the engine is not installed.
        BadModel: the engine cannot load the network, or its shapes are not what the card says.
    """
    opened = start_engine(model, engine, threads)
    _check_against_card(opened, model)
    return opened


def start_engine(model: ModelFile, engine: EngineName = "auto", threads: int = 1) -> Engine:
    """Opens an engine without checking it against the card, for a file that gets its card later.

    Raises:
        UsageError, Unavailable, BadModel: as `open_engine`.
    """
    if model.format is ModelFormat.TFLITE and engine in ("auto", "litert"):
        from .litert import LiteRTEngine  # noqa: PLC0415 - a device may have one engine only

        return LiteRTEngine(model, threads)
    if model.format is ModelFormat.ONNX and engine in ("auto", "onnxruntime"):
        from .onnxruntime import OnnxRuntimeEngine  # noqa: PLC0415 - a device may have one engine only

        return OnnxRuntimeEngine(model, threads)
    if model.format is ModelFormat.H5:
        raise UsageError(f"{model.path}: a Keras model does not run on a device; run `edgecls export` first")
    raise UsageError(f"{model.path}: {engine} does not run .{model.format} files; leave --engine out")


def _check_against_card(engine: Engine, model: ModelFile) -> None:
    card = model.card
    height_px, width_px = engine.input_size_px
    if engine.input_size_px != (card.image.height_px, card.image.width_px):
        raise BadModel(
            f"{model.path}: its card says an input of {card.image.height_px}x{card.image.width_px} px, the "
            f"network takes {height_px}x{width_px}; export it again"
        )
    if engine.classes != len(card.labels):
        raise BadModel(
            f"{model.path}: its card has {len(card.labels)} labels, the network {engine.classes} classes; "
            "export it again"
        )
