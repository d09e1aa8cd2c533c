"""Keras's layer names, kept recognisable through the converters, so that both formats speak of the same layers.

TensorFlow appends _1, _2 and so on to a scope that it has seen, and Keras's own names end that way too: a
tensor called `conv2d_1/Relu` may belong to `conv2d` or to `conv2d_1`. A full stop ends each name instead:
`conv2d._1/Relu` and `conv2d_1._1/Relu` cannot be confused.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_ENDED = re.compile(r"\.(_\d+)?$")
_COUNTED = re.compile(r"__\d+")  # tf2onnx numbers what it adds, counting on through the life of the process


@contextmanager
def ended_names(model: Any) -> Iterator[None]:
    """Ends the name of every layer in a Keras model with a full stop, for as long as it is being converted."""
    layers = [layer for _, layer in _layers(model)]
    names = [layer.name for layer in layers]
    try:
        for layer, name in zip(layers, names, strict=True):
            layer.name = f"{name}."
        yield
    finally:
        for layer, name in zip(layers, names, strict=True):
            layer.name = name


def plain_name(converted: str) -> str:
    """What people would call a converted tensor or node: `edgecls_1/net._1/conv2d._1/Relu:0` is `conv2d/Relu`.

    The wrapper and the network itself are left out, and so is what would differ from one conversion to the next.
    """
    parts = _COUNTED.sub("", converted.removesuffix(":0")).split("/")
    if len(parts) > 2 and _ENDED.search(parts[1]):
        del parts[:2]
    return "/".join(_ENDED.sub("", part) for part in parts)


def weighted_layers(network: Any) -> frozenset[str]:
    """The layers of a Keras network that multiply by weights, each by its path, such as `block1/conv2d`."""
    return frozenset(
        path
        for path, layer in _layers(network)
        if hasattr(layer, "kernel") or hasattr(layer, "depthwise_kernel")
    )


def owner(names: Iterable[str], layers: frozenset[str]) -> str | None:
    """The one of `layers` that any of some plain names lies in; None where there is none."""
    for name in names:
        parts = name.split("/")
        for end in range(len(parts), 0, -1):
            if (path := "/".join(parts[:end])) in layers:
                return path
    return None


def _layers(model: Any, folder: str = "") -> Iterator[tuple[str, Any]]:
    for layer in model.layers:
        yield f"{folder}{layer.name}", layer
        if hasattr(layer, "layers"):
            yield from _layers(layer, f"{folder}{layer.name}/")
