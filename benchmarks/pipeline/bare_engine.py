"""An engine's library called directly, with no line of edgecls in between: the least that a call can cost."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...edge_runtime.errors import UsageError
from ...edge_runtime.model_file import ModelFile, ModelFormat
from ...edge_runtime.tensors import picture_input


@dataclass(frozen=True)
class BareEngine:
    """A network in its engine."""

    tensor: Callable[[np.ndarray], np.ndarray]
    """From uint8 (H, W, 3) RGB to what the network takes; to be done before a clock starts."""
    call: Callable[[np.ndarray], np.ndarray]
    """From that to the network's output, as the file has it."""


def open_bare(model: ModelFile, threads: int) -> BareEngine:
    """Opens a `.tflite` or `.onnx`.

    Raises:
        BadModel, Unavailable: see `open_engine`.
        UsageError: a file of another format.
    """
    match model.format:
        case ModelFormat.TFLITE:
            return _litert(model, threads)
        case ModelFormat.ONNX:
            return _onnxruntime(model, threads)
    raise UsageError(f"{model.path}: a Keras model does not run on a device; run `edgecls export` first")


def _litert(model: ModelFile, threads: int) -> BareEngine:
    from ...edge_runtime import engine_litert as litert  # noqa: PLC0415 - a device may have one engine only
    from ...edge_runtime.native_output import native_stderr_held  # noqa: PLC0415

    name = str(model.path)
    with native_stderr_held():  # it announces its XNNPACK delegate
        interpreter = litert.Interpreter(model_content=model.content, num_threads=threads)
        interpreter.allocate_tensors()
    entry, out = litert.only_tensors(interpreter, name)
    entry_index, out_index = entry["index"], out["index"]

    def call(tensor: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(entry_index, tensor)
        interpreter.invoke()
        return interpreter.get_tensor(out_index)

    return BareEngine(picture_input(litert.spec_of(entry), model.card, name).tensor, call)


def _onnxruntime(model: ModelFile, threads: int) -> BareEngine:
    from ...edge_runtime import engine_onnxruntime as ort  # noqa: PLC0415 - see above

    name = str(model.path)
    session = ort.open_session(model.content, name, threads)
    entry, out = ort.only_tensors(session, name)
    entry_name, out_name = entry.name, out.name

    def call(tensor: np.ndarray) -> np.ndarray:
        return session.run([out_name], {entry_name: tensor})[0]

    return BareEngine(picture_input(ort.spec_of(entry), model.card, name).tensor, call)
