"""What runs on the device: model card, engines, preprocessing, camera, outputs.

Needs numpy, OpenCV and one engine; never TensorFlow, Keras, onnx or matplotlib.

The names below are loaded on first use: `edgecls --help` comes through here and shall not wait for OpenCV.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .card import ModelCard
    from .classifier import Classifier
    from .errors import EdgeclsError
    from .image import ImageRule, decode, prepare, read_image
    from .model_file import read_model
    from .prediction import Prediction

__all__ = [
    "Classifier",
    "EdgeclsError",
    "ImageRule",
    "ModelCard",
    "Prediction",
    "decode",
    "prepare",
    "read_image",
    "read_model",
]

_MODULES = {
    "Classifier": "classifier",
    "EdgeclsError": "errors",
    "ImageRule": "image",
    "ModelCard": "card",
    "Prediction": "prediction",
    "decode": "image",
    "prepare": "image",
    "read_image": "image",
    "read_model": "model_file",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
