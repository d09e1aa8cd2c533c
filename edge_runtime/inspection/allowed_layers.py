"""Which Keras layers may be loaded. Imports no TensorFlow: a child process with little memory asks it."""

from ..errors import BadModel
from .keras_config import computing_layers
from .keras_graph import check_keras

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


def refuse_code(content: bytes, name: str) -> None:
    """Reads the layers from a file's own description, before Keras builds any of them.

    Raises:
        BadModel: it cannot be read, or holds a layer outside `ALLOWED_LAYERS`; `name` is the file's.
    """
    for layer in sorted(set(computing_layers(check_keras(content, name).config))):
        if layer not in ALLOWED_LAYERS:
            raise BadModel(f"{name}: refused: layer {layer} is not on the list of layers that only compute")
