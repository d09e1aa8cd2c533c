"""The documented CNN: 122,570 parameters at 32x32 pixels and 10 classes."""

from ..backend import keras
from ..design import Design
from . import blocks

layers = keras.layers


def cnn(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """Builds it; see `networks.build`."""

    def drop(name: str) -> list[keras.Layer]:
        return [layers.Dropout(design.dropout, name=name)] if design.dropout else []

    return keras.Sequential(
        [
            keras.Input((height_px, width_px, 3), name="image"),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Conv2D(64, 3, activation="relu", name="conv3"),
            layers.Flatten(name="flatten"),
            *drop("dropout1"),
            layers.Dense(64, activation="relu", name="dense1"),
            *drop("dropout2"),
            blocks.probabilities(classes),
        ],
        name="cnn",
    )
