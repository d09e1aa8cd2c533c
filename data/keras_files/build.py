"""A saved network, built anew from its checked description: one Functional model of this Keras.

Models inside are laid out flat, what only acts in training is left out, and everything computes in float32.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..backend import keras
from .allowed import ACTS_IN_TRAINING, LAYERS, OPERATION_LAYERS
from .calls import Call, NotBuilt, Tensor, calls_of, ends_of, first_use, inputs_of, tensors_in, with_tensors
from .description import MODELS, Described, kind_of, layers_of, name_of, operation_module
from .layers import make_layer
from .operations import apply_operation, apply_tf_function

_MOST_CALLS = 20_000
"""Of layers: a model inside that is used many times, in another one, would never end."""
_MOST_DEPTH = 30
_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass
class Part:
    """A layer of the file, or a model inside."""

    described: Described
    layer: Any = None
    """What was built for it; None for a model, an operation, and what only acts in training."""
    inside: list["Part"] = field(default_factory=list)
    """Of a model."""

    @property
    def name(self) -> str:
        """In the file."""
        return name_of(self.described)


def build_network(
    described: Described, keras_major: int, size_px: Sequence[int] | None = None
) -> tuple[Any, Part]:
    """Builds a network whose description `refusals` has found harmless.

    Args:
        described: as Keras saved it.
        keras_major: of the Keras that saved it: 2 or 3.
        size_px: (height, width) of the pictures, where the description leaves them open.

    Returns:
        The Keras model, with weights of zero, and the parts that they belong to.

    Raises:
        NotBuilt: it cannot be built; says why. A layer of Keras may raise anything else.
    """
    builder = _Builder(keras_major)
    whole = builder.part(described)
    inputs = [
        keras.Input(_sized(shape[1:], size_px), name=builder.free_name(name))
        for shape, name, _ in inputs_of(described)
    ]
    outputs = builder.run(whole, inputs)
    found = list(outputs.values()) if isinstance(outputs, dict) else outputs
    builder.name_operations(found)
    name = builder.free_name(described["config"].get("name") if isinstance(described["config"], dict) else "")
    model = keras.Model(
        inputs if len(inputs) > 1 else inputs[0], found if len(found) > 1 else found[0], name=name
    )
    return model, whole


def _sized(shape: Sequence[int | None], size_px: Sequence[int] | None) -> tuple[int | None, ...]:
    """The shape (H, W, C) of a picture, with this height and width where it has none."""
    if size_px is None or len(shape) != 3:
        return tuple(shape)
    return (*(side or wanted for side, wanted in zip(shape, size_px, strict=False)), shape[2])


class _Builder:
    def __init__(self, keras_major: int) -> None:
        self._keras_major = keras_major
        self._calls = 0
        self._names: set[str] = set()

    def free_name(self, wanted: Any) -> str:
        """A name without what TensorFlow has no letters for, and unlike all others."""
        name = stem = _NAME.sub("_", str(wanted or "network")).lstrip("_-") or "layer"
        number = 0
        while name in self._names:
            number += 1
            name = f"{stem}_{number}"
        self._names.add(name)
        return name

    def name_operations(self, outputs: list[Any]) -> None:
        """Gives every operation that is no layer of the file a name that no layer has."""
        waiting, seen = list(outputs), set()
        while waiting:
            operation, number, _ = waiting.pop()._keras_history
            node = operation._inbound_nodes[number]
            if id(node) not in seen:
                seen.add(id(node))
                waiting.extend(node.input_tensors)
                if operation.name not in self._names or not isinstance(operation, keras.layers.Layer):
                    operation.name = self.free_name(operation.name)

    def part(self, described: Described, depth: int = 0) -> Part:
        """Makes the layers of a model, or a layer."""
        kind = kind_of(described)
        if kind in MODELS:
            if depth > _MOST_DEPTH:
                raise NotBuilt("it has too many models inside each other")
            inside = [self.part(layer, depth + 1) for layer in layers_of(described)]
            return Part(described, inside=inside)
        if kind == "InputLayer" or kind in OPERATION_LAYERS or operation_module(described):
            return Part(described)
        if LAYERS[kind] == ACTS_IN_TRAINING:
            return Part(described)
        return Part(described, make_layer(described, self.free_name(name_of(described)), self._keras_major))

    def run(self, model: Part, inputs: list[Any]) -> list[Any] | dict[str, Any]:
        """The outputs of a model, for its inputs."""
        if kind_of(model.described) == "Sequential":
            x = inputs[0]
            for part in model.inside:
                if kind_of(part.described) != "InputLayer":
                    (x,) = self._use(part, Call([x], {}))
            return [x]
        return self._run_functional(model, inputs)

    def _run_functional(self, model: Part, inputs: list[Any]) -> list[Any] | dict[str, Any]:
        sources, results = (ends_of(model.described, key) for key in ("input_layers", "output_layers"))
        places = list(sources.values()) if isinstance(sources, dict) else sources
        if len(places) != len(inputs):
            raise NotBuilt(f"{model.name} takes {len(places)} inputs, it is given {len(inputs)}")
        known = dict(zip(places, inputs, strict=True))
        names = {part.name for part in model.inside}
        calls = {part.name: calls_of(part.described, names) for part in model.inside}
        needed = [tensor for uses in calls.values() for call in uses for tensor in call.tensors()]
        needed += tensors_in(results)
        waiting = [
            (part, number, call)
            for part in model.inside
            for number, call in enumerate(calls[part.name], first_use(part.described, needed))
        ]
        while waiting:
            later = []
            for part, number, call in waiting:
                if all(tensor in known for tensor in call.tensors()):
                    made = self._use(part, with_tensors_of(call, known))
                    known |= {Tensor(part.name, number, result): x for result, x in enumerate(made)}
                else:
                    later.append((part, number, call))
            if len(later) == len(waiting):
                break  # what is left leads nowhere, or waits for itself
            waiting = later
        missing = [tensor.layer for tensor in tensors_in(results) if tensor not in known]
        if missing:
            raise NotBuilt(f"its layer {missing[0]} has no input")
        if isinstance(results, dict):
            return {name: known[tensor] for name, tensor in results.items()}
        return [known[tensor] for tensor in results]

    def _use(self, part: Part, call: Call) -> list[Any]:
        """What a part gives in one use."""
        self._calls += 1
        if self._calls > _MOST_CALLS:
            raise NotBuilt(f"it uses its layers more than {_MOST_CALLS:,} times")
        options = {key: value for key, value in call.options.items() if key not in ("training", "mask")}
        kind = kind_of(part.described)
        if part.inside:
            given = call.arguments[0] if len(call.arguments) == 1 else call.arguments
            outputs = self.run(part, _flat(given))
            return list(outputs.values()) if isinstance(outputs, dict) else outputs
        if kind in OPERATION_LAYERS:
            function = part.described["config"]["function"]
            return _flat(apply_tf_function(function, call.arguments, options))
        if module := operation_module(part.described):
            return _flat(apply_operation(module, part.described, call.arguments, options))
        if part.layer is None:
            return _flat(call.arguments[0])
        return _flat(part.layer(*call.arguments, **options))


def with_tensors_of(call: Call, known: dict[Tensor, Any]) -> Call:
    """The call with the network's tensors."""
    return Call(with_tensors(call.arguments, known), with_tensors(call.options, known))


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]
