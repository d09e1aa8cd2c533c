"""What runs on the device: model card, engines, preprocessing, camera, outputs.

Needs numpy, OpenCV and one engine; never TensorFlow, Keras, onnx or matplotlib.
"""

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
