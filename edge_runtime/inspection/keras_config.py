"""Finds its way in the description that Keras saves with a model, as versions 1, 2 and 3 write it."""

from collections.abc import Iterator
from typing import Any

Described = dict[str, Any]
"""A layer or model: its `class_name`, and in `config` its options."""

MODELS = ("Sequential", "Functional", "Model")
MISFITS = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What a description raises that is not as Keras writes it."""


def class_names(description: Any) -> Iterator[str]:
    """The class of everything that would be built, at any depth: layers, initializers, functions."""
    waiting = [description]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str):
                yield item["class_name"]
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def computing_layers(model: Described) -> Iterator[str]:
    """The classes of the layers that compute, those of models inside the model included."""
    for layer in layers_of(model):
        if layer["class_name"] in MODELS:
            yield from computing_layers(layer)
        elif layer["class_name"] != "InputLayer":
            yield layer["class_name"]


def layers_of(model: Described) -> list[Described]:
    """A model's layers; Keras 1 and the first of Keras 2 saved a sequence as a mere list."""
    inner = model["config"]
    return inner if isinstance(inner, list) else inner["layers"]


def name_of(layer: Described) -> str:
    """A layer's name, unique in its model."""
    return layer.get("name") or layer["config"]["name"]


def dtype_of(layer: Described) -> str:
    """A layer's own; Keras 3 saves a policy, such as `mixed_float16`, in its place."""
    dtype = layer["config"].get("dtype") or "float32"
    name = dtype["config"]["name"] if isinstance(dtype, dict) else dtype
    return str(name).removeprefix("mixed_")


def saved_shape(layer: Described, model: Described) -> tuple[int | None, ...] | None:
    """What a first layer takes, with the batch: its own option, or what the model was built with."""
    options, whole = layer["config"], model["config"]
    built = whole.get("build_input_shape") if isinstance(whole, dict) else None
    shape = options.get("batch_shape") or options.get("batch_input_shape") or built
    return tuple(shape) if shape else None


def tensors_of(value: Any) -> Iterator[tuple[str, int, int]]:
    """The tensors (layer, use, output) that a saved call names, in order.

    Keras 2 wrote `["conv", 0, 0, {}]`, Keras 3 puts `["conv", 0, 0]` into a description of the tensor.
    """
    match value:
        case [str(layer), int(use), int(at), *_]:
            yield layer, use, at
        case {"config": {"keras_history": history}}:
            yield from tensors_of(history)
        case {"args": arguments}:
            yield from tensors_of(arguments)
        case list():
            for item in value:
                yield from tensors_of(item)
        case dict():
            for item in value.values():
                yield from tensors_of(item)
