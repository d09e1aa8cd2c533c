"""onnxruntime, on the CPU."""

import numpy as np

from .errors import BadModel, Unavailable
from .model_file import ModelFile

try:
    import onnxruntime
except ImportError as error:
    raise Unavailable(
        f"onnxruntime cannot be loaded: {error}; run `pip install onnxruntime`, or use the .tflite file"
    ) from error


class OnnxRuntimeEngine:
    """Runs an `.onnx` under the contract: uint8 [1, H, W, 3] RGB in, float32 [1, C] probabilities out."""

    def __init__(self, model: ModelFile, threads: int = 1) -> None:
        self.name = f"onnxruntime {onnxruntime.__version__}"
        try:
            self._session = onnxruntime.InferenceSession(
                model.content, _options(threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors share no base class, and some are UnicodeDecodeError
            raise BadModel(
                f"{model.path}: onnxruntime cannot load it: {_line(error)}; export it again"
            ) from error
        (entry,), (out,) = self._session.get_inputs(), self._session.get_outputs()
        if entry.type != "tensor(uint8)" or len(entry.shape) != 4 or entry.shape[3] != 3:
            raise BadModel(f"{model.path}: takes {entry.type} {entry.shape}, not uint8 [1, H, W, 3]")
        if out.type != "tensor(float)" or len(out.shape) != 2:
            raise BadModel(f"{model.path}: gives {out.type} {out.shape}, not float32 [1, C]")
        self._input, self._output = entry.name, out.name
        self.input_size_px = entry.shape[1], entry.shape[2]
        self.classes = out.shape[1]

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        return self._session.run([self._output], {self._input: image[np.newaxis]})[0][0]

    def close(self) -> None:
        """See `Engine.close`."""
        self._session = None


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # By default its threads spin while they wait and burn a core beside an idle camera.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only
    return options


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
