"""The boundary to an inference engine: one picture in, probabilities out."""

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
        """Gives the engine's memory back. Calling it twice is allowed."""
        ...


def open_engine(model: ModelFile, engine: EngineName = "auto", threads: int = 1) -> Engine:
    """Opens the engine that runs this file's format, and checks the network against its card.

    An engine's package is imported only here, in its branch: a device may have one of them only.

    Raises:
        UsageError: the engine that was asked for does not run this format.
        Unavailable: the engine is not installed.
        BadModel: the engine cannot load the network, or its shapes are not what the card says.
    """
    opened = start_engine(model, engine, threads)
    _check_against_card(opened, model)
    return opened


def start_engine(model: ModelFile, engine: EngineName = "auto", threads: int = 1) -> Engine:
    """`open_engine` without the check, for a file whose card is yet to be made; errors as there."""
    if model.format is ModelFormat.TFLITE and engine in ("auto", "litert"):
        from .litert import LiteRTEngine  # noqa: PLC0415

        return LiteRTEngine(model, threads)
    if model.format is ModelFormat.ONNX and engine in ("auto", "onnxruntime"):
        from .onnxruntime import OnnxRuntimeEngine  # noqa: PLC0415

        return OnnxRuntimeEngine(model, threads)
    if model.format is ModelFormat.H5:
        raise UsageError(f"{model.path}: a Keras model does not run on a device; run `edgecls export` first")
    raise UsageError(f"{model.path}: {engine} does not run .{model.format} files; leave --engine out")


def _check_against_card(engine: Engine, model: ModelFile) -> None:
    card = model.card
    wanted = (card.image.height_px, card.image.width_px)
    if engine.input_size_px != wanted:
        raise BadModel(
            f"{model.path}: its card says an input of {wanted[0]}x{wanted[1]} px, the network takes "
            f"{engine.input_size_px[0]}x{engine.input_size_px[1]}; export it again"
        )
    if engine.classes != len(card.labels):
        raise BadModel(
            f"{model.path}: its card has {len(card.labels)} labels, the network {engine.classes} classes; "
            "export it again"
        )
