"""edgecls: train an image classifier, export it, check it, and run it beside a camera.

    import edgecls

    with edgecls.Classifier("imagenet") as classifier:          # a file, a folder, or a built-in model
        print(classifier.classify("cat.jpg").text)

    for answer in edgecls.watch("0", "imagenet"):               # a camera, a video, a stream
        print(answer.announced)

    edgecls.train(data="photos/", arch="nano")                  # -> image_classification.h5
    edgecls.export_model("image_classification.h5", int8=True)  # -> *.tflite, *.onnx
    print(edgecls.bench().text)

This page is the public interface; every other module is internal and may change. Names are imported when they
are first used, so that a device needs no TensorFlow.
"""

import os
from typing import TYPE_CHECKING, Any

from .edge_runtime.lazy import lazy_names

# onnxruntime would report every model to its maker, and keep a database in the home folder. It reads this
# when it is loaded; 0 turns it on.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from .benchmarks.run import bench
    from .edge_runtime.camera.answer import Answer
    from .edge_runtime.camera.options import CameraOptions
    from .edge_runtime.camera.session import open_session, watch
    from .edge_runtime.camera.sources.open import open_source
    from .edge_runtime.classifier import Classifier
    from .edge_runtime.errors import EdgeclsError
    from .edge_runtime.models.card import ModelCard
    from .edge_runtime.prediction import Prediction
    from .export.export import export_model
    from .trainer.train import train

    __version__: str

__all__ = [
    "Answer",
    "CameraOptions",
    "Classifier",
    "EdgeclsError",
    "ModelCard",
    "Prediction",
    "__version__",
    "bench",
    "export_model",
    "open_session",
    "open_source",
    "train",
    "watch",
]

_lazy = lazy_names(
    __name__,
    {
        "Answer": ".edge_runtime.camera.answer",
        "CameraOptions": ".edge_runtime.camera.options",
        "Classifier": ".edge_runtime.classifier",
        "EdgeclsError": ".edge_runtime.errors",
        "ModelCard": ".edge_runtime.models.card",
        "Prediction": ".edge_runtime.prediction",
        "bench": ".benchmarks.run",
        "export_model": ".export.export",
        "open_session": ".edge_runtime.camera.session",
        "open_source": ".edge_runtime.camera.sources.open",
        "train": ".trainer.train",
        "watch": ".edge_runtime.camera.session",
    },
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - takes longer than all of --help

        return version("edgecls")
    return _lazy(name)


def __dir__() -> list[str]:
    return __all__
