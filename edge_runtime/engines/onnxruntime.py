"""onnxruntime engine: runs `.onnx` files on the CPU."""

import re
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from ..descriptors import native_stderr_held
from ..errors import BadModel, InvalidOutput, Unavailable
from ..inspection.onnx_content import refuse_external_data
from ..models.model_file import ModelFile
from ..text import one_reason
from .tensors import TensorSpec, in_size, picture_and_scores, picture_input, score_output

try:
    with native_stderr_held():  # it complains where /proc or a home folder that can be written is missing
        onnxruntime: Any = import_module("onnxruntime")  # it has no types
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
    """Runs an `.onnx`: an exported file, or a foreign one with any input and output that `tensors` reads."""

    def __init__(self, model: ModelFile, threads: int = 1) -> None:
        self.name = f"onnxruntime {onnxruntime.__version__}"
        self._path = model.path
        self._session: Any = open_session(model.content, str(model.path), threads)
        inputs, outputs = (
            [(entry.name, entry) for entry in found]
            for found in (self._session.get_inputs(), self._session.get_outputs())
        )
        entry, out = picture_and_scores(inputs, outputs, model.card.output, str(model.path))
        self._input, self._output = entry.name, out.name
        takes, gives = in_size(spec_of(entry), model.card.image), spec_of(out)
        # Of an exported file, bytes go in as they are.
        asks = [gives] if model.card.provenance.weights_sha256 else [takes, gives]
        if any(np.issubdtype(spec.dtype, np.integer) for spec in asks):
            # Integers have no scale themselves, but the operators on them.
            from ..inspection.onnx_ends import quantised_ends  # noqa: PLC0415 - only for such a file

            ends = quantised_ends(model.content, str(model.path))
            takes = _with_scale(takes, ends.get(entry.name)) if takes in asks else takes
            gives = _with_scale(gives, ends.get(out.name))
        self.takes = takes
        self._picture = picture_input(self.takes, model.card, str(model.path))
        self._scores = score_output(gives, model.card, str(model.path))
        self.input_size_px = self._picture.size_px
        self.classes = self._scores.classes

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        try:
            (output,) = self._session.run([self._output], {self._input: self._picture.tensor(image)})
        except Exception as error:  # its errors have no base class in common
            said = one_reason(error)
            raise InvalidOutput(
                f"{self._path}: onnxruntime cannot run it on this picture: {said}; export it again"
            ) from error
        return self._scores.probabilities(output)

    def close(self) -> None:
        """See `Engine.close`."""
        self._session = None


def _with_scale(spec: TensorSpec, stated: tuple[float, int] | None) -> TensorSpec:
    return replace(spec, scale=stated[0], zero_point=stated[1]) if stated else spec


def spec_of(entry: Any) -> TensorSpec:
    """Returns the type and shape of an input or output; a batch of any size counts as a batch of one."""
    first, *rest = entry.shape or [0]
    shape = (first if isinstance(first, int) else 1, *(size if isinstance(size, int) else 0 for size in rest))
    return TensorSpec(_DTYPES.get(entry.type, np.void), shape)


def open_session(content: bytes, name: str, threads: int = 1) -> Any:
    """Loads a model into onnxruntime and returns its `InferenceSession`.

    Raises:
        BadModel: it has external data, is newer than onnxruntime, or cannot be run.
    """
    refuse_external_data(content, name)
    try:
        with native_stderr_held():  # as above
            return onnxruntime.InferenceSession(
                content,
                _options(threads),
                providers=["CPUExecutionProvider"],
                enable_fallback=False,  # a fallback would try the same again and print four lines to stdout
            )
    except Exception as error:  # its errors have no base class in common; some are UnicodeDecodeError
        raise BadModel(f"{name}: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    said = str(error)
    newer = re.search(r"model (IR) version: (\d+), max supported IR version: (\d+)", said) or re.search(
        r"(Opset) (\d+) is under development.* till opset (\d+)", said
    )
    if newer:
        what, wanted, known = newer.groups()
        return (
            f"needs ONNX {what} {wanted}, onnxruntime {onnxruntime.__version__} supports up to {known}; "
            "upgrade with `pip install -U onnxruntime`, or export it for an older version"
        )
    return f"onnxruntime cannot load it: {one_reason(error)}; export it again"


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # By default its threads spin while they wait, which keeps a core busy beside an idle camera.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only
    return options
