"""LiteRT: the TFLite interpreter.

`Interpreter` and not `CompiledModel`: that one was no faster on a CPU and crashed on truncated files.
"""

from importlib.metadata import version

import numpy as np

from .errors import BadModel, Unavailable
from .model_file import ModelFile

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError as error:
    raise Unavailable(
        f"LiteRT cannot be loaded: {error}; run `pip install ai-edge-litert`, or use the .onnx file"
    ) from error


class LiteRTEngine:
    """Runs a `.tflite` under the contract: uint8 [1, H, W, 3] RGB in, float32 [1, C] probabilities out."""

    def __init__(self, model: ModelFile, threads: int = 1) -> None:
        self.name = f"litert {version('ai-edge-litert')}"
        try:
            self._interpreter = Interpreter(model_content=model.content, num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BadModel(f"{model.path}: LiteRT cannot load it: {_line(error)}; export it again") from error
        (entry,), (out,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        _check_contract(model, entry, out)
        self._input, self._output = entry["index"], out["index"]
        _, height_px, width_px, _ = entry["shape"]
        self.input_size_px = int(height_px), int(width_px)
        self.classes = int(out["shape"][1])

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        self._interpreter.set_tensor(self._input, image[np.newaxis])
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output)[0]  # get_tensor copies

    def close(self) -> None:
        """See `Engine.close`."""
        self._interpreter = None


def _check_contract(model: ModelFile, entry: dict, out: dict) -> None:
    shape = tuple(entry["shape"])
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3 or entry["dtype"] != np.uint8:
        raise BadModel(f"{model.path}: takes {entry['dtype'].__name__} {shape}, not uint8 [1, H, W, 3]")
    if len(out["shape"]) != 2 or out["dtype"] != np.float32:
        raise BadModel(f"{model.path}: gives {out['dtype'].__name__} {tuple(out['shape'])}, not float32 [1, C]")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
