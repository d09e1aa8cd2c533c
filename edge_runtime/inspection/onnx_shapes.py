"""The shapes of tensors inside an ONNX graph, as onnxruntime infers them: a device has no onnx package."""

from ..engine_onnxruntime import open_session
from .inspect_facts import Shape
from .protobuf import field

_MODEL_GRAPH, _GRAPH_OUTPUT, _VALUE_NAME = 7, 12, 1


def tensor_shapes(content: bytes, tensors: list[str], name: str) -> dict[str, Shape]:
    """The shapes of these tensors and of the outputs; None in them is a size chosen at run time.

    onnxruntime tells the shapes of outputs only, so the tensors are made outputs: protocol buffers join the
    fields of concatenated messages, and a second graph is appended that holds nothing but their names.

    Raises:
        BadModel: onnxruntime cannot load the model.
        Unavailable: it is not installed.
    """
    outputs = b"".join(field(_GRAPH_OUTPUT, field(_VALUE_NAME, tensor.encode())) for tensor in tensors)
    session = open_session(content + field(_MODEL_GRAPH, outputs), name)
    return {
        output.name: tuple(size if isinstance(size, int) else None for size in output.shape)
        for output in session.get_outputs()
    }
