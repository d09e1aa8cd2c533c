"""Which peers there are, which of them are installed, and how one is opened.

ncnn is not among them: it reads neither ONNX nor TFLite, and what its converter made of our uint8 input gave
other probabilities, so it would not be the same file that is compared.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from ...edge_runtime.engine import Engine
from ...edge_runtime.errors import EdgeclsError, Unavailable
from ...edge_runtime.model_file import ModelFile, ModelFormat


@dataclass(frozen=True)
class Peer:
    """An engine that edgecls itself does not use."""

    name: str
    """As people know it."""
    package: str
    """What is imported; it is installed where this is found."""
    module: str
    """Ours that owns it: its `open_engine(model, threads)` gives an `Engine`."""
    formats: tuple[ModelFormat, ...]
    """That it claims to read."""


PEERS = (
    Peer("OpenCV dnn", "cv2", "opencv_dnn", (ModelFormat.ONNX, ModelFormat.TFLITE)),
    Peer("OpenVINO", "openvino", "openvino_runtime", (ModelFormat.ONNX, ModelFormat.TFLITE)),
    Peer("MediaPipe", "mediapipe", "mediapipe_tasks", (ModelFormat.TFLITE,)),
)


def installed_peers(format_: ModelFormat) -> tuple[Peer, ...]:
    """The peers that are installed here and claim to read this format."""
    return tuple(peer for peer in PEERS if format_ in peer.formats and find_spec(peer.package))


def open_peer(name: str, model: ModelFile, threads: int) -> Engine:
    """Opens a file in a peer.

    Raises:
        BadModel: the peer cannot read this network; peers differ in the operations they know.
        Unavailable: it is not installed, or does not load.
    """
    peer = next(peer for peer in PEERS if peer.name == name)
    try:
        module = import_module(f".{peer.module}", __package__)
        return module.open_engine(model, threads)
    except EdgeclsError:
        raise
    except ImportError as error:
        raise Unavailable(
            f"{peer.name} cannot be loaded: {error}; run `pip install {peer.package}`"
        ) from error
