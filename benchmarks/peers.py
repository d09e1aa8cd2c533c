"""Other inference engines that model files are compared in, where they are installed.

ncnn is not among them: it reads neither ONNX nor TFLite, and what its converter made of our uint8 input gave
other probabilities, so it would not be the same file that is compared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..edge_runtime.descriptors import native_stderr_held
from ..edge_runtime.engines.engine import Engine
from ..edge_runtime.errors import BadModel, EdgeclsError, Unavailable
from ..edge_runtime.images.opencv import cv2
from ..edge_runtime.models.model_file import ModelFile, ModelFormat
from ..edge_runtime.text import one_reason


@dataclass(frozen=True)
class Peer:
    """An engine that edgecls itself does not use."""

    name: str
    """As people know it."""
    package: str
    """What is imported; it is installed where this is found."""
    open: Callable[[ModelFile, int], Engine]
    """Opens a file with this many threads. It imports the package, which a user may not have."""
    formats: tuple[ModelFormat, ...]
    """That it claims to read."""


# MediaPipe's ImageClassifier, as its tutorials for the Raspberry Pi use it.


class MediaPipe:
    """See `Engine`. It takes no number of threads."""

    def __init__(self, model: ModelFile, threads: int) -> None:  # noqa: ARG002
        import mediapipe  # pyright: ignore[reportMissingImports] - where a user has it  # noqa: PLC0415
        from mediapipe.tasks.python import vision  # pyright: ignore[reportMissingImports]  # noqa: PLC0415

        self._mediapipe = mediapipe
        self.name = f"MediaPipe {mediapipe.__version__}"
        image = model.card.image
        self.input_size_px = image.height_px, image.width_px
        self.classes = len(model.card.labels)
        self._place = {label: place for place, label in enumerate(model.card.labels)}
        try:
            with native_stderr_held():
                self._classifier = vision.ImageClassifier.create_from_model_path(str(model.path))
        except (ValueError, RuntimeError) as error:
            raise BadModel(f"{model.path}: MediaPipe cannot read it: {one_reason(error)}") from error

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        rgb = self._mediapipe.ImageFormat.SRGB
        picture = self._mediapipe.Image(image_format=rgb, data=np.ascontiguousarray(image))
        answer = np.zeros(self.classes, np.float32)
        for category in self._classifier.classify(picture).classifications[0].categories:
            answer[self._place[category.category_name]] = category.score
        return answer

    def close(self) -> None:
        """See `Engine.close`."""
        self._classifier.close()


# OpenCV's own inference, which comes with every camera program.


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


def open_opencv(model: ModelFile, threads: int) -> OpenCVDnn:
    """Opens a file; one picture goes through, since some networks are refused only then.

    Raises:
        BadModel: OpenCV cannot read or run it.
    """
    engine = OpenCVDnn(model, threads)
    try:
        engine.probabilities(np.zeros(model.card.image.shape, np.uint8))
    except cv2.error as error:
        raise _refused(model, error) from error
    return engine


def _refused(model: ModelFile, error: cv2.error) -> BadModel:
    said = one_reason(error)
    return BadModel(f"{model.path}: OpenCV dnn cannot run it: {said.partition('error: ')[2] or said}")


# OpenVINO: Intel's engine, which also runs on Arm.


class OpenVINO:
    """See `Engine`."""

    def __init__(self, model: ModelFile, threads: int) -> None:
        import openvino  # pyright: ignore[reportMissingImports] - where a user has it  # noqa: PLC0415

        self.name = f"OpenVINO {openvino.__version__.partition('-')[0]}"
        image = model.card.image
        self.input_size_px = image.height_px, image.width_px
        self.classes = len(model.card.labels)
        core = openvino.Core()
        options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        try:
            compiled: Any = core.compile_model(core.read_model(str(model.path)), "CPU", options)
        except RuntimeError as error:
            raise BadModel(f"{model.path}: OpenVINO cannot read it: {one_reason(error)}") from error
        self._request = compiled.create_infer_request()

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        self._request.infer([image[None]], share_inputs=True)
        return self._request.get_output_tensor(0).data[0].copy()

    def close(self) -> None:
        """See `Engine.close`."""


PEERS = (
    Peer("OpenCV dnn", "cv2", open_opencv, (ModelFormat.ONNX, ModelFormat.TFLITE)),
    Peer("OpenVINO", "openvino", OpenVINO, (ModelFormat.ONNX, ModelFormat.TFLITE)),
    Peer("MediaPipe", "mediapipe", MediaPipe, (ModelFormat.TFLITE,)),
)


def installed_peers(format_: ModelFormat) -> tuple[Peer, ...]:
    """The engines that are installed here and read this format."""
    return tuple(peer for peer in PEERS if format_ in peer.formats and find_spec(peer.package))


def open_peer(name: str, model: ModelFile, threads: int) -> Engine:
    """Opens a file in a peer.

    Raises:
        BadModel: the peer cannot read this network; peers differ in the operations they know.
        Unavailable: it is not installed, or does not load.
    """
    peer = next(peer for peer in PEERS if peer.name == name)
    try:
        return peer.open(model, threads)
    except EdgeclsError:
        raise
    except ImportError as error:
        raise Unavailable(
            f"{peer.name} cannot be loaded: {error}; run `pip install {peer.package}`"
        ) from error
