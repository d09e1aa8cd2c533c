"""The Keras original: loaded safely from an `.h5`, and run as the reference for exports."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..edge_runtime.errors import BadModel
from ..edge_runtime.keras_graph import check_keras
from ..edge_runtime.model_file import ModelFile, ModelFormat, read_model
from .keras_libraries import keras, tf

ALLOWED_LAYERS = frozenset(
    [
        "Activation",
        "Add",
        "Average",
        "AveragePooling2D",
        "BatchNormalization",
        "Concatenate",
        "Conv2D",
        "Conv2DTranspose",
        "Cropping2D",
        "Dense",
        "DepthwiseConv2D",
        "Dropout",
        "Flatten",
        "Functional",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "InputLayer",
        "LayerNormalization",
        "LeakyReLU",
        "MaxPooling2D",
        "Maximum",
        "Multiply",
        "Normalization",
        "PReLU",
        "Permute",
        "ReLU",
        "Rescaling",
        "Reshape",
        "SeparableConv2D",
        "Sequential",
        "Softmax",
        "SpatialDropout2D",
        "Subtract",
        "UpSampling2D",
        "ZeroPadding2D",
    ]
)
"""Layers that only compute. A Lambda layer, or a class from another package, can run any code when loaded."""

_BATCH = 256


def load_network(path: str | Path) -> tuple[Any, ModelFile]:
    """Loads an `.h5` that `edgecls train` saved.

    Returns:
        The Keras model (float32 (N, H, W, 3), scaled as the card says, to (N, C)) and its file with the card.

    Raises:
        MissingInput, BadModel: see `read_model`; also a layer outside `ALLOWED_LAYERS`, or not an `.h5`.
    """
    model = read_model(path)
    if model.format is not ModelFormat.H5:
        raise BadModel(f"{path}: a .{model.format} file, not the Keras original; name the .h5")
    _refuse_code(model)
    try:
        with tempfile.NamedTemporaryFile(suffix=".h5") as proven:  # the bytes that were checked, under a name
            proven.write(model.content)
            proven.flush()
            network = keras.models.load_model(proven.name, compile=False)
    except Exception as error:  # Keras raises whatever its layers raise
        reason = " ".join(str(error).split())[:200]
        raise BadModel(f"{path}: Keras cannot load it: {reason}; train it again") from error
    return network, model


class KerasEngine:
    """The reference, as an `Engine`: one picture through a compiled `tf.function`, its fastest honest way."""

    def __init__(self, path: str | Path) -> None:
        self.network, self.model = load_network(path)
        card = self.model.card
        self.name = f"keras {keras.__version__}, tensorflow {tf.__version__}"
        self.input_size_px = card.image.height_px, card.image.width_px
        self.classes = len(card.labels)
        self._infer: Any = tf.function(
            lambda images: self.network(
                tf.cast(images, tf.float32) * card.scale + card.offset, training=False
            ),
            input_signature=[tf.TensorSpec([None, *self.input_size_px, 3], tf.uint8)],
        )

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        return self.many(image[np.newaxis])[0]

    def many(self, images: np.ndarray) -> np.ndarray:
        """Classifies uint8 (N, H, W, 3) RGB; returns float32 (N, C)."""
        batches = [
            self._infer(images[start : start + _BATCH]).numpy() for start in range(0, len(images), _BATCH)
        ]
        return np.concatenate(batches)

    def close(self) -> None:
        """See `Engine.close`."""
        self._infer = None


def _refuse_code(model: ModelFile) -> None:
    """Reads the layers from the file's own description, before Keras builds any of them."""
    config = check_keras(model.content, str(model.path)).config
    for layer in sorted(set(_layer_classes(config))):
        if layer not in ALLOWED_LAYERS:
            raise BadModel(
                f"{model.path}: refused: layer {layer} is not on the list of layers that only compute"
            )


def _layer_classes(config: Any) -> Iterator[str]:
    """The class names of a model's layers, nested models included, initializers and the like not."""
    if not isinstance(config, dict):
        return
    if isinstance(config.get("class_name"), str):
        yield config["class_name"]
    inner = config.get("config", config)
    for layer in inner.get("layers", ()) if isinstance(inner, dict) else ():
        yield from _layer_classes(layer)
