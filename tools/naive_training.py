"""A first training program: `python -m tools.naive_training ARRAYS EPOCHS SEED ANSWER`.

Float images, `compile` and `fit` with nothing chosen but the epochs: what `edgecls train` is measured by.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers


class Times(keras.callbacks.Callback):
    """How long each epoch takes, its validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._started_s = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras's interface
        """See Keras."""
        self._started_s = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras's interface
        """See Keras."""
        self.seconds.append(time.perf_counter() - self._started_s)


def main() -> None:
    """Trains and writes seconds for each epoch and the accuracy on the test images."""
    arrays, epochs, seed, answer = sys.argv[1:]
    keras.utils.set_random_seed(int(seed))
    # float32, though many divide bytes by 255 and so get float64: twice the memory.
    images = {
        name: np.load(Path(arrays) / f"{name}_images.npy").astype("float32") / 255
        for name in ("train", "held_out", "test")
    }
    truth = {name: np.load(Path(arrays) / f"{name}_truth.npy") for name in images}
    network = documented_cnn(images["train"].shape[1:], classes=int(truth["train"].max()) + 1)
    network.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    times = Times()
    network.fit(
        images["train"],
        truth["train"],
        epochs=int(epochs),
        validation_data=(images["held_out"], truth["held_out"]),
        callbacks=[times],
    )
    accuracy = network.evaluate(images["test"], truth["test"], return_dict=True)["accuracy"]
    Path(answer).write_text(
        json.dumps({"seconds": times.seconds, "accuracy": float(accuracy)}), encoding="utf-8"
    )


def documented_cnn(shape: tuple[int, ...], classes: int) -> keras.Model:
    """The network of TensorFlow's tutorial on CNNs, with probabilities as its output."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )


if __name__ == "__main__":
    main()
