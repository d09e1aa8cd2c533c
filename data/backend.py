"""Keras and TensorFlow: imported here once, quietly, and checked.

Every module that needs them takes them from here: `from ..data.backend import keras, tf`. Training runs on
the backend that `KERAS_BACKEND` names (tensorflow, jax or torch); exports need TensorFlow.
"""

import importlib
import itertools
import linecache
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..edge_runtime.descriptors import native_stderr_held
from ..edge_runtime.errors import BadConfiguration, Unavailable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors only; read while TensorFlow is being imported
_CHOSEN = os.environ.get("KERAS_BACKEND", "tensorflow")
_NOT_USED = {"jax", "pandas", "sklearn"} - {_CHOSEN}
"""What Keras and TensorFlow import where it is installed, for interfaces that edgecls does not use: a third
of their loading time."""


@contextmanager
def hidden(names: set[str]) -> Iterator[None]:
    """Hides packages that are not imported yet, for as long as the block lasts."""
    absent = [name for name in names if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(absent))  # None: an import of it fails
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


try:
    with native_stderr_held(), hidden(_NOT_USED):
        import keras

        # With another backend Keras imports TensorFlow later, where it is installed, to seed it, and loudly.
        with suppress(ImportError):
            importlib.import_module("tensorflow")
except ImportError as error:
    raise Unavailable(
        f'training needs Keras and {_CHOSEN} ({error}); run `pip install "edgecls[train]"`'
        + ("" if _CHOSEN == "tensorflow" else f" and `pip install {_CHOSEN}`")
    ) from error
except ValueError as error:  # raised by Keras for a backend that it does not know
    raise BadConfiguration(
        f"KERAS_BACKEND={_CHOSEN}: Keras has no such backend; use tensorflow, jax or torch"
    ) from error

_generated = itertools.count()


def _load_generated(source: str, delete_on_exit: bool) -> tuple[ModuleType, str]:  # noqa: ARG001 - its signature
    """Takes the place of AutoGraph's own, which writes each function that it makes to the temporary folder.

    Those files stay there if the process is killed, and their bytecode always does.
    """
    name = f"__autograph_generated_{next(_generated)}"
    module = ModuleType(name)
    module.__file__ = file = f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # for `inspect`
    exec(compile(source, file, "exec"), module.__dict__)  # noqa: S102 - TensorFlow's own text
    sys.modules[name] = module
    return module, file


with suppress(ImportError):  # another backend alone; a later TensorFlow
    loader: Any = importlib.import_module("tensorflow.python.autograph.pyct.loader")
    loader.load_source = _load_generated

# Keras warns at each .h5 that the format is old; here it is the chosen one.
logging.getLogger("absl").setLevel(logging.ERROR)
# TensorFlow warns of the last, smaller batch, whose shape needs a new trace.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize

__all__ = ["JIT_COMPILE", "backend_version", "keras", "mlir_quantize", "tf"]

# Any, because pyright infers a str from Keras's default.
JIT_COMPILE: Any = False if keras.config.backend() == "tensorflow" else "auto"
"""`jit_compile` for `compile()`: on a CPU Keras may choose XLA for TensorFlow, which makes convolutions 2 to
3 times slower."""


def backend_version() -> dict[str, str]:
    """Returns the backend and its version: `{"tensorflow": "2.21.0"}`."""
    name = keras.config.backend()
    # From the module: the package may have another name, such as tensorflow-cpu.
    return {name: importlib.import_module(name).__version__}


def __getattr__(name: str) -> Any:
    """Returns TensorFlow (`tf`), or the quantiser of its TFLite converter (`mlir_quantize`).

    Raises:
        Unavailable: TensorFlow is not installed.
    """
    if name not in ("tf", "mlir_quantize"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        with native_stderr_held(), hidden(_NOT_USED), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import tensorflow as tf  # noqa: PLC0415 - trainings with another backend do without
            from tensorflow.lite.python.convert import mlir_quantize  # noqa: PLC0415 - as above
    except ImportError as error:
        raise Unavailable(
            f'reading a Keras model needs TensorFlow ({error}); run `pip install "edgecls[train]"`'
        ) from error
    tf.get_logger().setLevel("ERROR")
    return tf if name == "tf" else mlir_quantize
