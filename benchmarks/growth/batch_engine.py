"""A network called with several images at once, where its file can be: what is exported has a batch of 1.

LiteRT resizes the input of most files; onnxruntime runs what the graph says; Keras takes any batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...edge_runtime.model_file import ModelFile, ModelFormat, read_model
from ...edge_runtime.tensors import picture_input
from ..pipeline.bare_engine import open_bare

TOLERANCE_STEPS = 4
"""Of 256, in any probability, between one image alone and in a batch: int8 kernels may round differently."""

Call = Callable[[], np.ndarray]
"""Classifies the whole batch, whose tensor was ready; gives float32, int8 or uint8 (B, C)."""


@dataclass(frozen=True)
class BatchEngine:
    """One file at all batches that it takes."""

    name: str
    """The engine and its version."""
    calls: Mapping[int, Call]
    """By the number of images."""
    note: str = ""
    """Why there are no more."""


def open_batches(path: Path, images: np.ndarray, batches: Sequence[int], threads: int) -> BatchEngine:
    """Opens a file for each batch that it takes; a batch whose answers differ from single ones is left out.

    Args:
        path: an `.h5`, `.tflite` or `.onnx`.
        images: uint8 (N, H, W, 3) RGB, taken in turn.
        batches: numbers of images, 1 first.
        threads: for the engine.

    Raises:
        MissingInput, BadModel, Unavailable: see `open_file`.
    """
    model = read_model(path)
    many = {batch: np.resize(images, (batch, *images.shape[1:])) for batch in batches}
    match model.format:
        case ModelFormat.TFLITE:
            return _litert(model, many, threads)
        case ModelFormat.ONNX:
            return _onnxruntime(model, many, threads)
        case ModelFormat.H5:
            return _keras(path, many)


def _litert(model: ModelFile, many: Mapping[int, np.ndarray], threads: int) -> BatchEngine:
    from ...edge_runtime.engine import open_engine  # noqa: PLC0415 - a device may have one engine only

    name = open_engine(model, threads=threads).name  # and the checks of it
    alone = open_bare(model, threads)
    calls: dict[int, Call] = {}
    for batch, images in many.items():
        try:
            call = _resized(model, images, threads)
            is_same = _is_near(call(), np.concatenate([alone.call(alone.tensor(image)) for image in images]))
        except (ValueError, RuntimeError) as error:
            why = " ".join(str(error).partition("Node number")[0].split())[:100]
            return BatchEngine(name, calls, f"LiteRT cannot resize it to a batch of {batch} ({why})")
        if not is_same:
            return BatchEngine(name, calls, f"in a batch of {batch} LiteRT gives other answers")
        calls[batch] = call
    return BatchEngine(name, calls)


def _resized(model: ModelFile, images: np.ndarray, threads: int) -> Call:
    """The call of an interpreter of its own whose input takes all the images at once."""
    from ...edge_runtime import engine_litert as litert  # noqa: PLC0415 - see above
    from ...edge_runtime.native_output import native_stderr_held  # noqa: PLC0415

    with native_stderr_held():  # it announces its XNNPACK delegate
        interpreter = litert.Interpreter(model_content=model.content, num_threads=threads)
        entry, out = litert.only_tensors(interpreter, str(model.path))
        picture = picture_input(litert.spec_of(entry), model.card, str(model.path))
        tensor = np.concatenate([picture.tensor(image) for image in images])
        interpreter.resize_tensor_input(entry["index"], tensor.shape)
        interpreter.allocate_tensors()

    def call() -> np.ndarray:
        interpreter.set_tensor(entry["index"], tensor)
        interpreter.invoke()
        return interpreter.get_tensor(out["index"])

    return call


def _onnxruntime(model: ModelFile, many: Mapping[int, np.ndarray], threads: int) -> BatchEngine:
    from ...edge_runtime import engine_onnxruntime as ort  # noqa: PLC0415 - a device may have one engine only

    name = str(model.path)
    session = ort.open_session(model.content, name, threads)
    entry, out = ort.only_tensors(session, name)
    picture = picture_input(ort.spec_of(entry), model.card, name)

    def call_of(images: np.ndarray) -> Call:
        tensor = np.concatenate([picture.tensor(image) for image in images])
        return lambda: session.run([out.name], {entry.name: tensor})[0]

    engine = f"onnxruntime {ort.onnxruntime.__version__}"
    if isinstance(entry.shape[0], int):
        return BatchEngine(engine, {1: call_of(many[1])}, "its graph fixes the batch at 1")
    return BatchEngine(engine, {batch: call_of(images) for batch, images in many.items()})


def _keras(path: Path, many: Mapping[int, np.ndarray]) -> BatchEngine:
    from ...export.keras_file import KerasEngine  # noqa: PLC0415 - only a workstation has TensorFlow

    engine = KerasEngine(path)
    return BatchEngine(engine.name, {batch: partial(engine.many, images) for batch, images in many.items()})


def _is_near(together: np.ndarray, alone: np.ndarray) -> bool:
    if together.shape != alone.shape:
        return False
    step = 1 if np.issubdtype(alone.dtype, np.integer) else 1 / 256
    return bool(np.abs(together.astype(float) - alone).max() <= TOLERANCE_STEPS * step)
