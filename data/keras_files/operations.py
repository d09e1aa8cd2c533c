"""Functions of TensorFlow and operations of Keras 3 as parts of a network, built from `keras.ops` alone."""

from importlib import import_module
from inspect import signature
from typing import Any

import numpy as np

from ..backend import keras
from .calls import NotBuilt
from .description import Described
from .tf_functions import TF_FUNCTIONS, WITHOUT_EFFECT

ops: Any = keras.ops
_GREY = (0.2989, 0.587, 0.114)
"""TensorFlow's, as in `tf.image.rgb_to_grayscale`."""
_HALVES = ("float16", "bfloat16", "float64", "half")


def apply_tf_function(function: str, arguments: list[Any], options: dict[str, Any]) -> Any:
    """Applies what Keras 2 saved as `TFOpLambda`.

    Raises:
        NotBuilt: an argument that is not known.
    """
    name, known = TF_FUNCTIONS[function]
    taken = {}
    for key, value in options.items():
        if key in known:
            taken[known[key]] = _argument(known[key], value)
        elif key != "name" and value is not None and value != WITHOUT_EFFECT.get(key, value is None):
            raise NotBuilt(f"tf.{function} with {key}={value} is not known")
    arguments = [np.asarray(a, np.float32) if _is_numbers(a) else a for a in arguments]
    if name.startswith("_"):
        return globals()[name](*arguments, **taken)
    return getattr(ops, name)(*arguments, **taken)


def _argument(name: str, value: Any) -> Any:
    if name == "dtype":
        return float32_for(value)
    return np.asarray(value, np.float32) if name == "x2" and isinstance(value, list) else value


def _is_numbers(value: Any) -> bool:
    """Whether an argument is a constant: tensors come as a list too, for `concat`."""
    return isinstance(value, list) and not any(keras.utils.is_keras_tensor(item) for item in value)


def apply_operation(module: str, described: Described, arguments: list[Any], options: dict[str, Any]) -> Any:
    """Applies an operation that Keras 3 saved, of a module of Keras that `operation_module` has found.

    Raises:
        NotBuilt: an option that is not known.
    """
    kind = getattr(import_module(module), described["class_name"])
    known = signature(kind.__init__).parameters
    settings = {}
    for key, value in described["config"].items():
        if key in ("name", "trainable") or (key == "dtype" and kind.__name__ != "Cast"):
            continue
        if key not in known:
            raise NotBuilt(f"{kind.__name__} with {key}={value} is not known")
        settings[key] = float32_for(value) if key == "dtype" else value
    return kind(**settings)(*arguments, **options)


def float32_for(dtype: Any) -> Any:
    """Everything is computed in float32, whatever precision it was trained in."""
    return "float32" if dtype in _HALVES else dtype


# What TensorFlow calls otherwise, or defines otherwise.


def _l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, epsilon)))


def _silu(x: Any, beta: float = 1.0) -> Any:
    return ops.multiply(x, ops.sigmoid(ops.multiply(x, beta)))


def _gelu(x: Any, approximate: bool = False) -> Any:
    return ops.gelu(x, approximate=approximate)


def _bias_add(value: Any, bias: Any) -> Any:
    return ops.add(value, np.asarray(bias, np.float32))


def _max_pool(x: Any, pool_size: Any, strides: Any, padding: str) -> Any:
    return ops.max_pool(x, _sides(pool_size), _sides(strides), padding.lower())


def _avg_pool(x: Any, pool_size: Any, strides: Any, padding: str) -> Any:
    return ops.average_pool(x, _sides(pool_size), _sides(strides), padding.lower())


def _sides(size: Any) -> Any:
    """TensorFlow may say (1, height, width, 1)."""
    return tuple(size[1:3]) if isinstance(size, list) and len(size) == 4 else size


def _split(x: Any, sizes: Any, axis: int = 0) -> Any:
    return ops.split(x, sizes if isinstance(sizes, int) else np.cumsum(sizes)[:-1].tolist(), axis=axis)


def _pad(x: Any, paddings: Any, mode: str = "CONSTANT", value: float = 0) -> Any:
    constant = {"constant_values": value} if mode.upper() == "CONSTANT" and value else {}
    return ops.pad(x, paddings, mode=mode.lower(), **constant)


def _where(condition: Any, x: Any, y: Any) -> Any:
    return ops.where(condition, x, y)


def _same(x: Any) -> Any:
    return x


def _resize(x: Any, size: Any, method: str = "bilinear", antialias: bool = False) -> Any:
    return ops.image.resize(x, tuple(size), interpolation=method, antialias=antialias)


def _grey(x: Any) -> Any:
    return ops.sum(ops.multiply(x, np.asarray(_GREY, np.float32)), axis=-1, keepdims=True)


def _to_rgb(x: Any) -> Any:
    return ops.concatenate([x, x, x], axis=-1)


def _flip_left_right(x: Any) -> Any:
    return ops.flip(x, axis=2)


def _flip_up_down(x: Any) -> Any:
    return ops.flip(x, axis=1)


def _item(x: Any, places: Any) -> Any:
    return x[tuple(places) if isinstance(places, list) else places]
