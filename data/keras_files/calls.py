"""How the layers of a saved network follow each other, as versions 2 and 3 of Keras write it, in one form."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .description import MODELS, Described, dtype_of, kind_of, layers_of, name_of

_CONSTANT = "_CONSTANT_VALUE"


class NotBuilt(Exception):
    """A description that cannot be followed; says why."""


@dataclass(frozen=True)
class Tensor:
    """A result of one use of a layer."""

    layer: str
    use: int
    result: int


@dataclass(frozen=True)
class Call:
    """One use of a layer: what it is given, with a `Tensor` in place of each result of another layer."""

    arguments: list[Any]
    options: dict[str, Any]

    def tensors(self) -> Iterator[Tensor]:
        """The results that it needs."""
        yield from tensors_in([self.arguments, self.options])


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in lists and dictionaries, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)


def with_tensors(value: Any, known: dict[Tensor, Any]) -> Any:
    """The value with the network's tensors in place of `Tensor`."""
    if isinstance(value, Tensor):
        return known[value]
    if isinstance(value, dict):
        return {key: with_tensors(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(with_tensors(item, known) for item in value)
    return value


def calls_of(layer: Described, names: set[str]) -> list[Call]:
    """The uses of a layer.

    Args:
        layer: of a Functional model.
        names: of that model's layers; in Keras 2 they tell a tensor from a list of numbers.
    """
    calls = layer.get("inbound_nodes") or []
    if not isinstance(calls, list):
        raise NotBuilt("its layers are joined in an unusual way")
    return [_call(call, names) for call in calls]


def _call(call: Any, names: set[str]) -> Call:
    if isinstance(call, dict):  # Keras 3
        return Call(
            [_value(item) for item in call["args"]], {k: _value(v) for k, v in call["kwargs"].items()}
        )
    if call and isinstance(call[0], str):  # Keras 2, a function of TensorFlow: its first argument
        return Call([_first(call)], _options(call, names))
    firsts = [_first(item) for item in call]
    return Call(firsts if len(firsts) == 1 else [firsts], _options(call[0], names) if call else {})


def _first(item: list[Any]) -> Any:
    layer, use, result = item[:3]
    return result if layer == _CONSTANT else Tensor(layer, use, result)


def _options(item: list[Any], names: set[str]) -> dict[str, Any]:
    options = item[3] if len(item) > 3 else {}
    return {key: _keras_2(value, names) for key, value in options.items()}


def _keras_2(value: Any, names: set[str]) -> Any:
    match value:
        case [str(layer), int(use), int(result)] if layer in names:
            return Tensor(layer, use, result)
        case [str(name), -1, constant] if name == _CONSTANT:
            return constant
        case {"start": start, "stop": stop, "step": step}:
            return slice(start, stop, step)
        case {"class_name": "__ellipsis__"}:
            return ...
        case list():
            return [_keras_2(item, names) for item in value]
    return _value(value)


def _value(value: Any) -> Any:
    """What Keras 3 has packed: tensors, slices, tuples, arrays."""
    if isinstance(value, list):
        return [_value(item) for item in value]
    if not isinstance(value, dict) or "class_name" not in value:
        return value
    match value["class_name"], value.get("config"):
        case "__keras_tensor__", {"keras_history": [str(layer), int(use), int(result)]}:
            unpacked: Any = Tensor(layer, use, result)
        case "__tuple__", _:
            unpacked = tuple(map(_value, value["items"]))
        case "__slice__", {"start": start, "stop": stop, "step": step}:
            unpacked = slice(start, stop, step)
        case "__ellipsis__", _:
            unpacked = ...
        case (("__tensor__" | "__numpy__"), {"value": numbers}):
            unpacked = np.asarray(numbers, np.float32)
        case kind, _:
            raise NotBuilt(f"a value of the kind {kind} is not known")
    return unpacked


def ends_of(model: Described, key: str) -> list[Tensor] | dict[str, Tensor]:
    """The inputs (`input_layers`) or outputs (`output_layers`) of a Functional model."""
    ends = model["config"][key]
    names = {name_of(layer) for layer in layers_of(model)}
    if isinstance(ends, dict):
        return {name: next(tensors_in(_keras_2(end, names))) for name, end in ends.items()}
    found = _keras_2(ends, names)
    return [found] if isinstance(found, Tensor) else list(tensors_in(found))


def first_use(layer: Described, tensors: list[Tensor]) -> int:
    """The number of a layer's first use; Keras 2 counts from 1 where a model inside has an input layer."""
    if layer["class_name"] not in MODELS:
        return 0
    return min((tensor.use for tensor in tensors if tensor.layer == name_of(layer)), default=0)


def check_calls(model: Described, keras_major: int) -> None:
    """Refuses a layer that acts as in training whatever it is used for: its answers are those of dice.

    Keras 3 overrides what was saved where a network is used; Keras 2 did not.

    Raises:
        NotBuilt: names the layer.
    """
    waiting = [model] if keras_major < 3 else []
    while waiting:
        for layer in layers_of(waiting.pop()):
            if any(call.options.get("training") for call in calls_of(layer, set())):
                raise NotBuilt(
                    f"its layer {name_of(layer)} is used as in training (`training=True`); leave that out"
                )
            if kind_of(layer) in MODELS:
                waiting.append(layer)


# Its inputs.


def inputs_of(described: Described) -> list[tuple[list[int | None], str, str]]:
    """Shape with the batch, name and dtype of each input.

    Raises:
        NotBuilt: the model was saved before it knew them.
    """
    if kind_of(described) == "Functional":
        ends = ends_of(described, "input_layers")
        wanted = [tensor.layer for tensor in (ends.values() if isinstance(ends, dict) else ends)]
        layers = {name_of(layer): layer for layer in layers_of(described)}
        return [_input_of(layers[name], None) for name in wanted]
    layers, config = layers_of(described), described["config"]
    if not layers:
        raise NotBuilt("it has no layers")
    built = config.get("build_input_shape") if isinstance(config, dict) else None
    return [_input_of(layers[0], built or (described.get("build_config") or {}).get("input_shape"))]


def _input_of(layer: Described, built: Any) -> tuple[list[int | None], str, str]:
    config = layer["config"]
    if kind_of(layer) in MODELS:
        (only,) = inputs_of(layer)
        return only
    shape = config.get("batch_shape") or config.get("batch_input_shape") or built
    if not isinstance(shape, list) or len(shape) < 2:
        raise NotBuilt("it was saved before it was built; start it with `keras.Input((height, width, 3))`")
    return shape, name_of(layer), dtype_of(layer) if kind_of(layer) == "InputLayer" else "float32"
