"""Keras, imported once and quietly.

Every module of this folder takes it from here: `from .backend import keras`.
"""

import logging
import os

from ..edge_runtime.errors import Unavailable
from ..edge_runtime.native_output import native_stderr_held

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors only; read while TensorFlow is being imported

try:
    with native_stderr_held():
        import keras
except ImportError as error:
    raise Unavailable(
        f'training needs Keras and TensorFlow ({error}); run `pip install "edgecls[train]"`'
    ) from error

# Keras warns at each .h5 that the format is old; it is the one that users asked for.
logging.getLogger("absl").setLevel(logging.ERROR)
# TensorFlow takes the last, smaller batch for a mistake, because its shape makes a new trace.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

__all__ = ["keras"]
