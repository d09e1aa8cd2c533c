"""The networks by name. Each takes float32 (N, H, W, 3) RGB, 0 to 1, and gives probabilities (N, classes)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..edge_runtime.errors import UsageError
from .backend import keras

layers = keras.layers


@dataclass(frozen=True)
class Architecture:
    """A kind of network, for any number of classes."""

    build: Callable[[int, int, int, float], keras.Model]
    """(height_px, width_px, classes, dropout) to a network."""
    smallest_side_px: int


def build(arch: str, height_px: int, width_px: int, classes: int, dropout: float = 0.0) -> keras.Model:
    """Builds a network, compiled so that its saved file can be evaluated and trained further at once.

    Raises:
        UsageError: no such architecture, or the images are too small for it.
    """
    check_architecture(arch, min(height_px, width_px))
    network = ARCHITECTURES[arch].build(height_px, width_px, classes, dropout)
    compile_documented(network)
    return network


def check_architecture(arch: str, side_px: int) -> None:
    """Finds out early whether `build` could work, before a data set is read for it; errors as there."""
    if arch not in ARCHITECTURES:
        raise UsageError(f"--arch {arch}: no such network; use {', '.join(ARCHITECTURES)}")
    smallest_px = ARCHITECTURES[arch].smallest_side_px
    if side_px < smallest_px:
        raise UsageError(
            f"--size {side_px}: too small for {arch}, whose layers need {smallest_px} px; use 32 or more"
        )


def compile_documented(network: keras.Model) -> None:
    """Sets the documented optimizer, loss and metric."""
    # On a CPU Keras may choose XLA by itself, which is 2 to 3 times slower for convolutions.
    # Any, because pyright infers from Keras's default that it is a str.
    jit_compile: Any = False if keras.config.backend() == "tensorflow" else "auto"
    network.compile(
        optimizer=keras.optimizers.Adam(),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=jit_compile,
    )


def _cnn(height_px: int, width_px: int, classes: int, dropout: float) -> keras.Model:
    """The documented CNN: 122,570 parameters at 32x32 pixels and 10 classes."""

    def drop(name: str) -> list[keras.Layer]:
        return [layers.Dropout(dropout, name=name)] if dropout else []

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
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="cnn",
    )


ARCHITECTURES = {"cnn": Architecture(_cnn, smallest_side_px=18)}
