"""What runs on the device: model card, engines, preprocessing, camera, outputs.

Needs numpy, OpenCV and one engine; never TensorFlow, Keras, onnx or matplotlib.

    from edgecls.edge_runtime import Classifier, open_source

    with Classifier("image_classification_int8.tflite") as classifier, open_source("0") as source:
        for frame in source:
            print(classifier.classify(frame.pixels).text)

The names below are loaded on first use: `edgecls --help` comes through here and shall not wait for OpenCV.
"""

from typing import TYPE_CHECKING

from .lazy import lazy_names

if TYPE_CHECKING:
    from .camera.event import Event
    from .camera.frame import Frame
    from .camera.sources.open import open_source
    from .camera.sources.source import EndOfSource, Source
    from .classifier import Classifier, Prediction
    from .errors import EdgeclsError
    from .images.prepare import decode, prepare, read_image
    from .images.rule import ImageRule
    from .models.card import ModelCard
    from .models.model_file import read_model


__all__ = [
    "Classifier",
    "EdgeclsError",
    "EndOfSource",
    "Event",
    "Frame",
    "ImageRule",
    "ModelCard",
    "Prediction",
    "Source",
    "decode",
    "open_source",
    "prepare",
    "read_image",
    "read_model",
]

_MODULES = {
    "Classifier": ".classifier",
    "EdgeclsError": ".errors",
    "EndOfSource": ".camera.sources.source",
    "Event": ".camera.event",
    "Frame": ".camera.frame",
    "ImageRule": ".images.rule",
    "ModelCard": ".models.card",
    "Prediction": ".classifier",
    "Source": ".camera.sources.source",
    "decode": ".images.prepare",
    "open_source": ".camera.sources.open",
    "prepare": ".images.prepare",
    "read_image": ".images.prepare",
    "read_model": ".models.model_file",
}


__getattr__ = lazy_names(__name__, _MODULES)
