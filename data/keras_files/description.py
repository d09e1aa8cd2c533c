"""The description of a network's layers, as versions 1, 2 and 3 of Keras write it, read without Keras."""

from collections.abc import Iterator
from typing import Any

from .allowed import (
    ACTIVATIONS,
    ACTS_IN_TRAINING,
    COMPUTES,
    LAYERS,
    OPERATION_LAYERS,
    OPERATIONS,
    UNKNOWN,
    UNKNOWN_ACTIVATION,
    UNKNOWN_OPERATION,
)
from .tf_functions import TF_FUNCTIONS

Described = dict[str, Any]
"""A layer or model: its `class_name`, and in `config` its options."""

_PACKAGES = ("keras", "tf_keras", "builtins")
_OPERATIONS = "keras.src.ops."
"""Before the name of a module of them."""
MODELS = ("Sequential", "Functional", "Model")
MISFITS = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What a description raises that is not as Keras writes it."""


_OPTIONS_OF_KERAS_1 = ("nb_filter", "output_dim", "border_mode", "dim_ordering", "input_dtype")
"""Keras 2 has other names for them, in layers for pictures."""


def is_of_keras_1(config: Described) -> bool:
    """Whether a description that names no later version has options that only Keras 1 wrote."""
    return any(option in options for _, options in options_of(config) for option in _OPTIONS_OF_KERAS_1)


def refusals(config: Described) -> Iterator[tuple[str, str]]:
    """The layers that are not built, each with the reason."""
    found, waiting = set(), [config]
    try:
        while waiting:
            layer = waiting.pop()
            if (refusal := _refusal(layer)) is not None:
                found.add(refusal)
            elif kind_of(layer) in MODELS:
                waiting.extend(layers_of(layer))
            elif activation_name(layer["config"].get("activation")) is None:
                waiting.append(layer["config"]["activation"])
    except MISFITS:
        yield "of an unusual description", "cannot be read; save the model again"
    yield from sorted(found)


def _refusal(layer: Described) -> tuple[str, str] | None:
    """Why one layer is not built, whatever is inside it."""
    kind, module = kind_of(layer), str(layer.get("module") or "keras")
    package = module.partition(".")[0]
    if package not in _PACKAGES:
        return kind if ">" in kind else f"{package}.{kind}", UNKNOWN
    if kind in OPERATION_LAYERS:
        function = layer["config"]["function"]
        return None if function in TF_FUNCTIONS else (f"tf.{function}", UNKNOWN_OPERATION)
    if operation_module(layer):
        return None
    if module.startswith(_OPERATIONS):
        return kind, UNKNOWN_OPERATION
    what = LAYERS.get(kind, UNKNOWN) if kind not in MODELS else COMPUTES
    if what not in (COMPUTES, ACTS_IN_TRAINING):
        return kind, what
    name = activation_name(layer["config"].get("activation")) if kind not in MODELS else None
    return None if name is None or name in ACTIVATIONS else (f"{kind} ({name})", UNKNOWN_ACTIVATION)


def activation_name(value: Any) -> str | None:
    """The name of a saved activation; None where it is a layer of its own."""
    match value:
        case None:
            return "linear"
        case str() | {"class_name": "function", "config": str()}:
            return value if isinstance(value, str) else value["config"]
        case {"class_name": str(), "config": dict()}:
            return None
    raise TypeError("an activation of an unusual description")


def kind_of(layer: Described) -> str:
    """The class of a layer, under the name that a class of another package was registered by."""
    registered = layer.get("registered_name")
    kind = registered if registered and ">" in registered else layer["class_name"]
    return kind.removeprefix("Experimental>") if kind != "Model" else "Functional"


def operation_module(layer: Described) -> str | None:
    """The module of one of Keras 3's operations; None for a layer. An `.h5` leaves it to the reader."""
    kind, module, calls = layer["class_name"], layer.get("module"), layer.get("inbound_nodes")
    if module:
        tail = str(module).removeprefix(_OPERATIONS)
        return str(module) if module != tail and kind in OPERATIONS.get(tail, ()) else None
    if not calls or not isinstance(calls[0], dict) or "trainable" in layer["config"]:
        return None
    return next((f"{_OPERATIONS}{tail}" for tail, kinds in OPERATIONS.items() if kind in kinds), None)


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


def options_of(description: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The class and the options of everything that would be built, at any depth."""
    waiting = [description]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str) and isinstance(item.get("config"), dict):
                yield item["class_name"], item["config"]
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def numbers_in(options: dict[str, Any]) -> Iterator[int]:
    """The whole numbers among the values, lists of them included; a seed may be any."""
    waiting = [value for key, value in options.items() if key != "seed"]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, int):
            yield value
