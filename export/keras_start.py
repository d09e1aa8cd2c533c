"""What a Keras network's first layers do with its picture, which says which pixels it takes.

They are not read but run: whatever they are called, as long as they multiply and add for each channel alone,
a Rescaling, a Normalization, a division by 127.5, they are one factor and one number for each channel.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..data.backend import keras
from ..edge_runtime.inspection.first_operators import Start

_MOST_STEPS = 16
_SEED = 0
_OTHER_SIZE = (keras.layers.Resizing, keras.layers.CenterCrop)
"""These give pixels of the same range."""


class _Step(NamedTuple):
    """A layer, a network or an operation, that a picture goes through."""

    operation: Any
    call: Callable[[np.ndarray], Any]
    shape: tuple[int, int, int]
    """(H, W, C) of what it takes."""


def keras_start(network: Any) -> Start:
    """Returns what the first layers of a network do with its picture, float32 (N, H, W, C)."""
    start = _after(network, Start())
    return start if any(each != 1 for each in start.factor) or any(start.added) else Start()


def _after(network: Any, start: Start) -> Start:
    for step in _first_steps(network):
        if isinstance(step.operation, _OTHER_SIZE):
            continue
        try:
            factor, more = _multiplied_and_added(step)
        except (ValueError, TypeError, IndexError, AttributeError):  # not such a step
            return _after(step.operation, start) if hasattr(step.operation, "layers") else start
        added = factor * np.asarray(start.added) + more
        start = Start(tuple((factor * start.factor).tolist()), tuple(added.tolist()), has_arithmetic=True)
    return start


def _first_steps(network: Any) -> Iterator[_Step]:
    """Yields what a picture goes through, one after another, until it is used twice."""
    graph = getattr(network, "_functional", None) or network
    before = graph.inputs[0]
    for operation in graph.operations[:_MOST_STEPS]:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        node = operation._inbound_nodes[-1]  # Keras has no public name for it
        if len(node.input_tensors) != 1 or node.input_tensors[0] is not before:
            return
        yield _Step(operation, _caller(operation, node.arguments, before), tuple(before.shape[1:]))
        before = node.output_tensors[0]


def _caller(operation: Any, arguments: Any, picture: Any) -> Callable[[np.ndarray], Any]:
    """Returns an operation as a function of the picture, with its other arguments, outside training."""
    named = dict(arguments.kwargs)
    if isinstance(operation, keras.layers.Layer) and operation._call_has_training_arg:
        named["training"] = False

    def call(pixels: np.ndarray) -> Any:
        return operation(
            *(pixels if each is picture else each for each in arguments.args),
            **{name: pixels if each is picture else each for name, each in named.items()},
        )

    return call


def _multiplied_and_added(step: _Step) -> tuple[np.ndarray, np.ndarray]:
    """Returns the factor and what is added, (C,) each, of a step that does only that.

    Raises:
        ValueError: it does something else.
    """
    random = np.random.default_rng(_SEED).normal(0, 2, (1, *step.shape)).astype(np.float32)
    zero, one, changed = (
        np.asarray(step.call(pixels)) for pixels in (np.zeros_like(random), np.ones_like(random), random)
    )
    added = zero[0, 0, 0]
    factor = one[0, 0, 0] - added
    if changed.shape != random.shape or not np.allclose(
        changed, random * factor + added, rtol=1e-3, atol=1e-3
    ):
        raise ValueError("it does more than multiply and add")
    return factor, added
