"""LiteRT engine: runs `.tflite` files.

It uses `Interpreter`, not `CompiledModel`, which was no faster on a CPU and crashed on truncated files.
"""

from typing import Any

import numpy as np

from ..descriptors import native_stderr_held
from ..errors import BadModel, InvalidOutput, Unavailable
from ..models.model_file import ModelFile
from .tensors import TensorSpec, only_tensors, picture_input, score_output

try:
    from ai_edge_litert import __version__  # pyright: ignore[reportMissingTypeStubs]
    from ai_edge_litert.interpreter import Interpreter  # pyright: ignore[reportMissingTypeStubs]
except ImportError as error:
    raise Unavailable(
        f"LiteRT cannot be loaded: {error}; run `pip install ai-edge-litert`, or use the .onnx file"
    ) from error


class LiteRTEngine:
    """Runs a `.tflite`: an exported file, or a foreign one with any input and output that `tensors` reads."""

    def __init__(self, model: ModelFile, threads: int = 1) -> None:
        self.name = f"litert {__version__}"
        self._path = model.path
        try:
            with native_stderr_held():  # it prints a line about its XNNPACK delegate
                self._interpreter: Any = Interpreter(model_content=model.content, num_threads=threads)
                self._interpreter.allocate_tensors()
        except Exception as error:  # it shares no base class; names in a file that are not UTF-8 raise, too
            raise BadModel(f"{model.path}: LiteRT cannot load it: {_line(error)}; export it again") from error
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        entry, out = only_tensors(inputs, outputs, str(model.path))
        self._input, self._output = entry["index"], out["index"]
        self.takes = spec_of(entry)
        self._picture = picture_input(self.takes, model.card, str(model.path))
        self._scores = score_output(spec_of(out), model.card, str(model.path))
        self.input_size_px = self._picture.size_px
        self.classes = self._scores.classes

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        interpreter, picture = self._interpreter, self._picture.tensor(image)
        try:
            interpreter.set_tensor(self._input, picture)
            interpreter.invoke()
            output = interpreter.get_tensor(self._output)  # a copy
        except (RuntimeError, ValueError) as error:  # an index out of range, which depends on the picture
            raise InvalidOutput(
                f"{self._path}: LiteRT cannot run it on this picture: {_line(error)}; export it again"
            ) from error
        return self._scores.probabilities(output)

    def close(self) -> None:
        """See `Engine.close`."""
        self._interpreter = None


def spec_of(details: dict[str, Any]) -> TensorSpec:
    """Returns the type, shape and quantisation in LiteRT's details of a tensor."""
    scale, zero_point = details["quantization"]
    shape = tuple(int(size) for size in details["shape"])
    return TensorSpec(details["dtype"], shape, float(scale), int(zero_point))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
