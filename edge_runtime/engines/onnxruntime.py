"""onnxruntime, on the CPU."""

import re
from typing import Any

import numpy as np

from ..errors import BadModel, Unavailable
from ..inspection.onnx_content import refuse_external_data
from ..models.model_file import ModelFile
from .tensors import TensorSpec, picture_input, score_output

try:
    import onnxruntime
except ImportError as error:
    raise Unavailable(
        f"onnxruntime cannot be loaded: {error}; run `pip install onnxruntime`, or use the .tflite file"
    ) from error


_DTYPES = {
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}


class OnnxRuntimeEngine:
    """Runs an `.onnx`: under the contract of exported files, or with any input and output of `tensors`."""

    def __init__(self, model: ModelFile, threads: int = 1) -> None:
        self.name = f"onnxruntime {onnxruntime.__version__}"
        self._session: Any = open_session(model.content, str(model.path), threads)
        entry, out = only_tensors(self._session, str(model.path))
        self._input, self._output = entry.name, out.name
        self._picture = picture_input(spec_of(entry), model.card, str(model.path))
        self._scores = score_output(spec_of(out), model.card, str(model.path))
        self.input_size_px = self._picture.size_px
        self.classes = self._scores.classes

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        (output,) = self._session.run([self._output], {self._input: self._picture.tensor(image)})
        return self._scores.probabilities(output)

    def close(self) -> None:
        """See `Engine.close`."""
        self._session = None


def only_tensors(session: Any, name: str) -> tuple[Any, Any]:
    """What onnxruntime says of the one input and the one output; BadModel where there are more."""
    entries, outs = session.get_inputs(), session.get_outputs()
    if len(entries) != 1 or len(outs) != 1:
        raise BadModel(
            f"{name}: has {len(entries)} inputs and {len(outs)} outputs; use a classifier, one of each"
        )
    return entries[0], outs[0]


def spec_of(entry: Any) -> TensorSpec:
    """What onnxruntime says of an input or output; a batch of any size is a batch of one."""
    first, *rest = entry.shape or [0]
    shape = (first if isinstance(first, int) else 1, *(size if isinstance(size, int) else 0 for size in rest))
    return TensorSpec(_DTYPES.get(entry.type, np.void), shape)


def open_session(content: bytes, name: str, threads: int = 1) -> Any:
    """Loads a model into onnxruntime; returns its InferenceSession.

    Raises:
        BadModel: external data, newer than onnxruntime, or not a model that it can run.
    """
    refuse_external_data(content, name)
    try:
        return onnxruntime.InferenceSession(
            content,
            _options(threads),
            providers=["CPUExecutionProvider"],
            enable_fallback=False,  # it would try the same again, and print four lines on stdout
        )
    except Exception as error:  # its errors share no base class, and some are UnicodeDecodeError
        raise BadModel(f"{name}: {_why_not_loaded(str(error))}") from error


def _why_not_loaded(reason: str) -> str:
    newer = re.search(r"model (IR) version: (\d+), max supported IR version: (\d+)", reason) or re.search(
        r"(Opset) (\d+) is under development.* till opset (\d+)", reason
    )
    if newer:
        what, wanted, known = newer.groups()
        return (
            f"needs ONNX {what} {wanted}, onnxruntime {onnxruntime.__version__} knows up to {known}; "
            "upgrade with `pip install -U onnxruntime`, or export it for an older version"
        )
    return f"onnxruntime cannot load it: {' '.join(reason.split())[:200]}; export it again"


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # By default its threads spin while they wait and burn a core beside an idle camera.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only
    return options
