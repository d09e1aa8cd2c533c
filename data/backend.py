"""Keras, imported once and quietly, with whichever backend `KERAS_BACKEND` names: tensorflow, jax or torch.

Every module that needs Keras takes it from here: `from ..data.backend import keras`.
"""

import importlib
import logging
import os
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..edge_runtime.errors import BadConfiguration, Unavailable
from ..edge_runtime.workers import native_stderr_held

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors only; read while TensorFlow is being imported
_CHOSEN = os.environ.get("KERAS_BACKEND", "tensorflow")

try:
    with native_stderr_held():
        import keras

        # With another backend Keras imports TensorFlow later, where it is installed, to seed it, and loudly.
        with suppress(ImportError):
            importlib.import_module("tensorflow")
except ImportError as error:
    raise Unavailable(
        f'training needs Keras and {_CHOSEN} ({error}); run `pip install "edgecls[train]"`'
        + ("" if _CHOSEN == "tensorflow" else f" and `pip install {_CHOSEN}`")
    ) from error
except ValueError as error:  # Keras says so of a name that it does not know
    raise BadConfiguration(
        f"KERAS_BACKEND={_CHOSEN}: Keras has no such backend; use tensorflow, jax or torch"
    ) from error

# Keras warns at each .h5 that the format is old; it is the one that users asked for.
logging.getLogger("absl").setLevel(logging.ERROR)
# TensorFlow takes the last, smaller batch for a mistake, because its shape makes a new trace.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize

__all__ = ["JIT_COMPILE", "backend_version", "keras", "mlir_quantize", "tf"]

# Any, because pyright infers from Keras's default that it is a str.
JIT_COMPILE: Any = False if keras.config.backend() == "tensorflow" else "auto"
"""On a CPU Keras may choose XLA for TensorFlow by itself, which is 2 to 3 times slower for convolutions."""


def backend_version() -> dict[str, str]:
    """What Keras computes with: `{"tensorflow": "2.21.0"}`."""
    name = keras.config.backend()
    # From the module: the package may be called otherwise, such as tensorflow-cpu.
    return {name: importlib.import_module(name).__version__}


def __getattr__(name: str) -> Any:
    """TensorFlow itself, for exports alone: `tf`, and `mlir_quantize` of its TFLite converter.

    Raises:
        Unavailable: it is not installed.
    """
    if name not in ("tf", "mlir_quantize"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        with native_stderr_held(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import tensorflow as tf  # noqa: PLC0415 - trainings with another backend do without
            from tensorflow.lite.python.convert import mlir_quantize  # noqa: PLC0415
    except ImportError as error:
        raise Unavailable(
            f'reading a Keras model needs TensorFlow ({error}); run `pip install "edgecls[train]"`'
        ) from error
    tf.get_logger().setLevel("ERROR")
    return tf if name == "tf" else mlir_quantize
