"""TensorFlow and Keras, imported once and quietly. Every module of this folder takes them from here."""

import os
import warnings

from ..edge_runtime.errors import Unavailable
from ..edge_runtime.native_output import native_stderr_held

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors only
os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # conversion needs TensorFlow, whatever trained it

try:
    with native_stderr_held(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras
        import tensorflow as tf
        from tensorflow.lite.python.convert import mlir_quantize
except ImportError as error:
    raise Unavailable(
        f'reading a Keras model needs TensorFlow ({error}); run `pip install "edgecls[train]"`'
    ) from error

tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "mlir_quantize", "tf"]
