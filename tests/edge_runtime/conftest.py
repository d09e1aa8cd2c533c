"""Model files that edgecls did not make, in every format that `edgecls inspect` reads."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest


@dataclass(frozen=True)
class ForeignModels:
    """The same small network, saved and converted in the ways that other people's tools do."""

    folder: Path

    @property
    def parameters(self) -> int:
        """As Keras counts them."""
        return int((self.folder / "parameters.txt").read_text())

    def path(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="session")
def foreign(made_once: Callable[..., Path]) -> ForeignModels:
    return ForeignModels(made_once("foreign", _make_foreign))


def _make_foreign(folder: Path) -> None:
    from edgecls.data.backend import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3), name="picture"),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.SeparableConv2D(12, 3),
            layers.MaxPooling2D(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(5, activation="softmax", name="scores"),
        ]
    )
    network.compile("adam", "mse")
    network.save(folder / "theirs.h5")
    network.save(folder / "theirs.keras")
    _write_tflite(network, folder)
    _write_onnx(network, folder)
    (folder / "parameters.txt").write_text(str(network.count_params()))


def _write_tflite(network, folder: Path) -> None:
    from edgecls.data.backend import tf
    from edgecls.edge_runtime.descriptors import native_stderr_held

    pictures = np.random.default_rng(0).uniform(0, 255, (8, 1, 32, 32, 3)).astype(np.float32)

    def convert(name: str, settle: Callable) -> None:
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        settle(converter)
        with native_stderr_held(), contextlib.redirect_stdout(io.StringIO()):
            (folder / name).write_bytes(converter.convert())

    def dynamic(converter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    def int8(converter) -> None:
        dynamic(converter)
        converter.representative_dataset = lambda: ([picture] for picture in pictures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8

    convert("float.tflite", lambda _: None)
    convert("dynamic.tflite", dynamic)
    convert("int8.tflite", int8)


def _write_onnx(network, folder: Path) -> None:
    import tf2onnx

    from edgecls.data.backend import tf

    function = tf.function(lambda picture: network(picture, training=False))
    for name, batch in (("fixed.onnx", 1), ("dynamic.onnx", None)):
        signature = [tf.TensorSpec([batch, 32, 32, 3], tf.float32, name="picture")]
        tf2onnx.convert.from_function(function, signature, opset=15, output_path=str(folder / name))
