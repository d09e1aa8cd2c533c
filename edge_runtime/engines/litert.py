"""LiteRT engine: runs `.tflite` files.

It uses `Interpreter`, not `CompiledModel`, which was no faster on a CPU and crashed on truncated files.
"""

import re
from typing import Any

import numpy as np

from ..descriptors import native_stderr_held
from ..errors import BadModel, EdgeclsError, InvalidOutput, Unavailable
from ..models.model_file import ModelFile
from ..text import one_reason
from .tensors import TensorSpec, in_size, picture_and_scores, picture_input, score_output

try:
    from ai_edge_litert import __version__  # pyright: ignore[reportMissingTypeStubs]
    from ai_edge_litert.interpreter import (  # pyright: ignore[reportMissingTypeStubs]
        Interpreter,
        OpResolverType,
    )
except ImportError as error:
    raise Unavailable(
        f"LiteRT cannot be loaded: {error}; run `pip install ai-edge-litert`, or use the .onnx file"
    ) from error


_WITHOUT_XNNPACK = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


class LiteRTEngine:
    """Runs a `.tflite`: an exported file, or a foreign one with any input and output that `tensors` reads."""

    def __init__(self, model: ModelFile, threads: int = 1) -> None:
        self.name = f"litert {__version__}"
        self._path = model.path
        try:
            with native_stderr_held():  # it prints a line about its XNNPACK delegate
                try:
                    entry, out = self._open(model, threads)
                    if self.takes.channels == 1 and self.takes.dtype is not np.float32:
                        # Its convolution of one int8 channel is off: by 0.17 from the reference in 2.3.
                        entry, out = self._open(model, threads, _WITHOUT_XNNPACK)
                except RuntimeError as error:
                    if "XNNPACK" not in str(error):
                        raise
                    # It takes some operators that it then cannot prepare; slower, without it, they run.
                    entry, out = self._open(model, threads, _WITHOUT_XNNPACK)
        except EdgeclsError:
            raise
        except Exception as error:  # it shares no base class; names in a file that are not UTF-8 raise, too
            raise BadModel(f"{model.path}: {_explain(error)}") from error
        self._input, self._output = entry["index"], out["index"]
        self._scores = score_output(spec_of(out), model.card, str(model.path))
        self.input_size_px = self._picture.size_px
        self.classes = self._scores.classes

    def _open(self, model: ModelFile, threads: int, operators: Any = OpResolverType.AUTO) -> tuple[Any, Any]:
        """Loads the network for pictures of its size, and returns its input and output."""
        self._interpreter: Any = Interpreter(
            model_content=model.content, num_threads=threads, experimental_op_resolver_type=operators
        )
        entry, _ = self._ends(model)
        self.takes = in_size(spec_of(entry), model.card.image)
        self._picture = picture_input(self.takes, model.card, str(model.path))
        if self.takes != spec_of(entry):
            self._interpreter.resize_tensor_input(entry["index"], self.takes.shape)
        self._interpreter.allocate_tensors()
        _, out = self._ends(model)  # as large as it is for pictures of this size
        return entry, out

    def _ends(self, model: ModelFile) -> tuple[Any, Any]:
        inputs, outputs = (
            [(details["name"], details) for details in found]
            for found in (self._interpreter.get_input_details(), self._interpreter.get_output_details())
        )
        return picture_and_scores(inputs, outputs, model.card.output, str(model.path))

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        interpreter, picture = self._interpreter, self._picture.tensor(image)
        try:
            interpreter.set_tensor(self._input, picture)
            interpreter.invoke()
            output = interpreter.get_tensor(self._output)  # a copy
        except (RuntimeError, ValueError) as error:  # an index out of range, which depends on the picture
            raise InvalidOutput(
                f"{self._path}: LiteRT cannot run it on this picture: {one_reason(error)}; export it again"
            ) from error
        return self._scores.probabilities(output)

    def close(self) -> None:
        """See `Engine.close`."""
        self._interpreter = None


def spec_of(details: dict[str, Any]) -> TensorSpec:
    """Returns the type, shape and quantisation in LiteRT's details of a tensor; 0 is any size."""
    scale, zero_point = details["quantization"]
    first, *rest = (int(size) for size in details["shape"])
    open_ = [int(size) < 0 for size in details["shape_signature"]][1:] or [False] * len(rest)
    shape = (first, *(0 if is_open else size for size, is_open in zip(rest, open_, strict=True)))
    return TensorSpec(details["dtype"], shape, float(scale), int(zero_point))


def _explain(error: Exception) -> str:
    operator = re.search(r"custom op: (\w+)|opcode '(\w+)' version", str(error))
    if operator:
        return f"LiteRT lacks its operator {operator[1] or operator[2]}; convert it with built-in ones only"
    return f"LiteRT cannot load it: {one_reason(error)}; export it again"
