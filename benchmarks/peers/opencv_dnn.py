"""OpenCV's own inference, which comes with every camera program."""

import numpy as np

from ...edge_runtime.errors import BadModel
from ...edge_runtime.model_file import ModelFile, ModelFormat
from ...edge_runtime.native_output import native_stderr_held
from ...edge_runtime.opencv import cv2


class OpenCVDnn:
    """See `Engine`."""

    def __init__(self, model: ModelFile, threads: int) -> None:
        self.name = f"OpenCV dnn {cv2.__version__}"
        image = model.card.image
        self.input_size_px = image.height_px, image.width_px
        self.classes = len(model.card.labels)
        self._path = model.path
        cv2.setNumThreads(threads)
        content = np.frombuffer(model.content, np.uint8)
        read = cv2.dnn.readNetFromONNX if model.format is ModelFormat.ONNX else cv2.dnn.readNetFromTFLite
        try:
            with native_stderr_held():
                self._network = read(content)
        except cv2.error as error:
            raise _refused(model, error) from error

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        self._network.setInput(image[None])
        return self._network.forward()[0]

    def close(self) -> None:
        """See `Engine.close`."""


def open_engine(model: ModelFile, threads: int) -> OpenCVDnn:
    """Opens a file; one picture goes through, since some networks are refused only then.

    Raises:
        BadModel: OpenCV cannot read or run it.
    """
    engine = OpenCVDnn(model, threads)
    try:
        engine.probabilities(np.zeros((*engine.input_size_px, 3), np.uint8))
    except cv2.error as error:
        raise _refused(model, error) from error
    return engine


def _refused(model: ModelFile, error: cv2.error) -> BadModel:
    reason = " ".join(str(error).split()).partition("error: ")[2] or str(error)
    return BadModel(f"{model.path}: OpenCV dnn cannot run it: {reason[:120]}")
