"""Keras's layer names, kept recognisable through the converters: both formats speak of the same layers.

TensorFlow appends _1, _2 and so on to a scope that it has seen, and Keras's own names end that way too: a
tensor called `conv2d_1/Relu` may belong to `conv2d` or to `conv2d_1`. A full stop ends each name instead:
`conv2d._1/Relu` and `conv2d_1._1/Relu` cannot be confused.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_WRAPPER = re.compile(r"(^|_)edgecls(_\d+)?$")  # `contract.py` names it so; onnxruntime puts words in front
_ENDED = re.compile(r"\.(_\d+)?$")
_COUNTED = re.compile(r"__\d+")  # tf2onnx numbers what it adds, counting on through the life of the process


@dataclass(frozen=True)
class Operator:
    """One operator of a converted network."""

    node: str
    """What its format calls it."""
    kind: str
    """Such as `CONV_2D` or `Conv`."""
    weighted: bool
    """Whether it multiplies by weights."""
    names: tuple[str, ...]
    """Plain names of what it gives, of what was fused into it and of its weights."""


@contextmanager
def ended_names(model: Any) -> Iterator[None]:
    """Ends the name of every layer of a Keras model with a full stop while it is being converted."""
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
    """What people would call a converted tensor: `edgecls_1/net._1/conv2d._1/Relu:0` is `conv2d/Relu`.

    The wrapper and the network itself are left out, and so is what differs from one conversion to the next.
    """
    parts = _COUNTED.sub("", converted.removesuffix(":0")).split("/")
    if len(parts) > 1 and _WRAPPER.search(parts[0]):
        del parts[0]
        if len(parts) > 1 and _ENDED.search(parts[0]):
            del parts[0]
    return "/".join(_ENDED.sub("", part) for part in parts)


def layer_path(converted: str) -> str:
    """The layer that a converted name lies in, such as `block1/conv2d`; empty where it lies in none."""
    parts = converted.split("/")
    if len(parts) > 1 and _WRAPPER.search(parts[0]):
        del parts[:2]  # the wrapper and the network
    return "/".join(_ENDED.sub("", part) for part in parts if _ENDED.search(part))


def weighted_layers(network: Any) -> frozenset[str]:
    """The layers of a Keras network that multiply by weights, each by its path, such as `block1/conv2d`."""
    return frozenset(
        path
        for path, layer in _layers(network)
        if hasattr(layer, "kernel") or hasattr(layer, "depthwise_kernel")
    )


def nodes_by_layer(operators: Iterable[Operator], layers: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """The nodes of each layer with weights, layers in the order of execution.

    Operators without weights go with the layer before them. To leave a convolution in float and to round its
    result in the pooling behind it would gain nothing.

    Args:
        operators: in the order of execution.
        layers: as `weighted_layers` gives them.
    """
    nodes: dict[str, list[str]] = {}
    waiting: list[str] = []  # in front of the first layer
    current = waiting
    for operator in operators:
        if operator.weighted:
            current = nodes.setdefault(_layer_of(operator, layers), [])
        current.append(operator.node)
    if nodes:
        next(iter(nodes.values()))[:0] = waiting
    return {layer: tuple(of_layer) for layer, of_layer in nodes.items()}


def _layer_of(operator: Operator, layers: frozenset[str]) -> str:
    for name in operator.names:
        parts = name.split("/")
        for end in range(len(parts), 0, -1):
            if (path := "/".join(parts[:end])) in layers:
                return path
    return operator.names[0]


def _layers(model: Any, folder: str = "") -> Iterator[tuple[str, Any]]:
    for layer in model.layers:
        yield f"{folder}{layer.name}", layer
        if hasattr(layer, "layers"):
            yield from _layers(layer, f"{folder}{layer.name}/")
