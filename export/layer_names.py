"""Keras's layer names, kept through both converters, so that TFLite and ONNX have the same names for layers.

TensorFlow appends _1, _2 and so on to a scope name that it has seen, and Keras's own names may end like that:
a tensor `conv2d_1/Relu` may belong to `conv2d` or to `conv2d_1`. During the conversion each name ends with a
full stop instead: `conv2d._1/Relu` and `conv2d_1._1/Relu` are different.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

FAMILIARITY = "familiarity"
"""The layer that `familiarity` adds. It stays in float in every file, as the softmax does."""
PROTOTYPES = "prototypes"
"""The dense layer that `familiarity` adds."""
_WRAPPER = re.compile(r"(^|_)edgecls(_\d+)?$")  # its name in `contract`; onnxruntime adds prefixes
_ENDED = re.compile(r"\.(_\d+)?$")
_MEANS = {"MEAN", "GlobalAveragePool", "ReduceMean"}
_RESHAPES = {"RESHAPE", "SQUEEZE", "Reshape", "Squeeze", "Flatten"}
_DENSE = {"FULLY_CONNECTED", "Gemm", "MatMul"}
_SIGMOIDS = {"LOGISTIC", "Sigmoid"}
_COUNTED = re.compile(r"__\d+")  # tf2onnx numbers what it adds, through the life of the process


@dataclass(frozen=True)
class Operator:
    """One operator of a converted network."""

    node: str
    """Its name in its format."""
    kind: str
    """Such as `CONV_2D` or `Conv`."""
    weighted: bool
    """Whether it multiplies by weights."""
    names: tuple[str, ...]
    """Plain names of its outputs, of what was fused into it and of its weights."""

    def belongs_to(self, layer: str) -> bool:
        """Whether a layer of this name made it, or its first output."""
        return layer in (self.node.split("/")[0], self.names[0].split("/")[0])


@contextmanager
def ended_names(model: Any) -> Iterator[None]:
    """Ends the name of every layer of a Keras model with a full stop; a context manager."""
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
    """Returns a readable name of a converted tensor: `edgecls_1/net._1/conv2d._1/Relu:0` is `conv2d/Relu`.

    Without the wrapper, the network itself, and what differs from one conversion to the next.
    """
    parts = _COUNTED.sub("", converted.removesuffix(":0")).split("/")
    if len(parts) > 1 and _WRAPPER.search(parts[0]):
        del parts[0]
        if len(parts) > 1 and _ENDED.search(parts[0]):
            del parts[0]
    return "/".join(_ENDED.sub("", part) for part in parts)


def layer_path(converted: str) -> str:
    """Returns the layer that a converted name belongs to, such as `block1/conv2d`, or an empty text."""
    parts = converted.split("/")
    if len(parts) > 1 and _WRAPPER.search(parts[0]):
        del parts[:2]  # the wrapper and the network
    return "/".join(_ENDED.sub("", part) for part in parts if _ENDED.search(part))


def weighted_layers(network: Any) -> frozenset[str]:
    """Returns the layers of a Keras network that multiply by weights, by their paths: `block1/conv2d`."""
    return frozenset(
        path
        for path, layer in _layers(network)
        if hasattr(layer, "kernel") or hasattr(layer, "depthwise_kernel")
    )


def nodes_by_layer(operators: Iterable[Operator], layers: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Returns the nodes of each layer with weights, in the order of execution.

    Operators without weights belong to the layer before them: a convolution in float would gain nothing if
    the pooling behind it quantised its result. A mean over the picture belongs to the dense layers after it
    too, which would gain nothing if their input were rounded.

    Args:
        operators: in the order of execution.
        layers: as `weighted_layers` gives them.
    """
    nodes: dict[str, list[str]] = {}
    waiting: list[str] = []  # in front of the first layer
    current, means = waiting, list[str]()
    for operator in operators:
        if operator.weighted:
            current = nodes.setdefault(_layer_of(operator, layers), [])
            means = means if operator.kind in _DENSE else []
            current += means
        current.append(operator.node)
        if operator.kind in _MEANS or (means and operator.kind in _RESHAPES):
            means.append(operator.node)
    if nodes:
        next(iter(nodes.values()))[:0] = waiting
    return {layer: tuple(of_layer) for layer, of_layer in nodes.items()}


def last_layer(layers: Sequence[str]) -> tuple[str, ...]:
    """Returns the layer that gives the probabilities, of those in the order of execution."""
    return tuple(layer for layer in layers if layer != PROTOTYPES)[-1:]


def scores_of_sigmoids(operators: Sequence[Operator]) -> list[str]:
    """Returns the nodes from a sigmoid behind the last layer with weights on, which give the probabilities.

    As a softmax, they stay float: in one byte probabilities would be steps of 0.004.
    """
    last = max((index for index, one in enumerate(operators) if one.weighted), default=-1)
    behind = operators[last + 1 :]
    first = next((index for index, one in enumerate(behind) if one.kind in _SIGMOIDS), len(behind))
    return [one.node for one in behind[first:]]


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
