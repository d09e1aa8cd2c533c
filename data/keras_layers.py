"""The description of a network's layers, as versions 1, 2 and 3 of Keras write it, read without Keras."""

from collections.abc import Iterator
from typing import Any

ALLOWED_LAYERS = frozenset(
    [
        "Activation",
        "Add",
        "Average",
        "AveragePooling2D",
        "BatchNormalization",
        "Concatenate",
        "Conv2D",
        "Conv2DTranspose",
        "Cropping2D",
        "Dense",
        "DepthwiseConv2D",
        "Dropout",
        "Flatten",
        "Functional",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "InputLayer",
        "LayerNormalization",
        "LeakyReLU",
        "MaxPooling2D",
        "Maximum",
        "Multiply",
        "Normalization",
        "PReLU",
        "Permute",
        "ReLU",
        "Rescaling",
        "Reshape",
        "SeparableConv2D",
        "Sequential",
        "Softmax",
        "SpatialDropout2D",
        "Subtract",
        "UpSampling2D",
        "ZeroPadding2D",
    ]
)
"""Layers that only compute. A Lambda layer, or a class from another package, can run any code when loaded."""
INSPECTED_LAYERS = ALLOWED_LAYERS | frozenset(
    [
        "ActivityRegularization",
        "AlphaDropout",
        "AveragePooling1D",
        "AveragePooling3D",
        "CenterCrop",
        "Conv1D",
        "Conv1DTranspose",
        "Conv3D",
        "Conv3DTranspose",
        "Cropping1D",
        "DepthwiseConv1D",
        "ELU",
        "Embedding",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling3D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling3D",
        "GroupNormalization",
        "Identity",
        "MaxPooling1D",
        "MaxPooling3D",
        "Minimum",
        "RandomBrightness",
        "RandomContrast",
        "RandomFlip",
        "RandomRotation",
        "RandomTranslation",
        "RandomZoom",
        "RepeatVector",
        "Resizing",
        "SeparableConv1D",
        "SpatialDropout1D",
        "SpatialDropout3D",
        "UnitNormalization",
        "UpSampling1D",
        "UpSampling3D",
        "ZeroPadding1D",
    ]
)
"""Those that `edgecls inspect` lets Keras build as well: they only compute, but are not exported."""

Described = dict[str, Any]
"""A layer or model: its `class_name`, and in `config` its options."""

MODELS = ("Sequential", "Functional", "Model")
MISFITS = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What a description raises that is not as Keras writes it."""


def unknown_classes(config: Described, known: frozenset[str] = ALLOWED_LAYERS) -> Iterator[str]:
    """Layers that are not `known`, and whatever would be imported from another package than Keras."""
    try:
        yield from sorted({kind for kind in _kinds(config) if kind not in known})
    except MISFITS:
        yield "of an unusual description"
    waiting: list[Any] = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            module = item.get("module")
            if module and str(module).partition(".")[0] not in ("keras", "builtins"):
                yield f"{module}.{item.get('class_name')}"
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _kinds(model: Described) -> Iterator[str]:
    """The classes of all layers, under the names that classes of other packages were registered by."""
    for layer in layers_of(model):
        kind = layer.get("registered_name") or layer["class_name"]
        if kind in MODELS:
            yield from _kinds(layer)
        yield kind if kind != "Model" else "Functional"


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
    """The whole numbers among the values, lists of them included."""
    waiting = list(options.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, int):
            yield value


# The inputs and outputs as the description names them, for a network that Keras may not or cannot build.

End = tuple[str, str, tuple[int | None, ...] | None]
"""A layer's name, its dtype, and its shape with the batch; None where the description does not tell."""


def saved_ends(model: Described) -> tuple[list[End], list[End]]:
    """The inputs and outputs; none where the description is unusual."""
    try:
        sources, results = _end_layers(model)
        return (
            [(name_of(layer), dtype_of(layer), _saved_shape(layer, model)) for layer in sources],
            [(name_of(layer), dtype_of(layer), None) for layer in results],
        )
    except MISFITS:
        return [], []


def _end_layers(model: Described) -> tuple[list[Described], list[Described]]:
    layers = layers_of(model)
    if model["class_name"] == "Sequential":
        return layers[:1], layers[-1:]
    named = {name_of(layer): layer for layer in layers}
    ends = (tensors_of(model["config"][key]) for key in ("input_layers", "output_layers"))
    sources, results = ([named[layer] for layer in end] for end in ends)
    return sources, results


def _saved_shape(layer: Described, model: Described) -> tuple[int | None, ...] | None:
    """What a first layer takes, with the batch: its own option, or what the model was built with."""
    options, whole = layer["config"], model["config"]
    built = whole.get("build_input_shape") if isinstance(whole, dict) else None
    shape = options.get("batch_shape") or options.get("batch_input_shape") or built
    return tuple(shape) if shape else None


def tensors_of(value: Any) -> Iterator[str]:
    """The layers whose tensors a saved list of inputs or outputs names, in order.

    Keras 2 wrote `["conv", 0, 0, {}]`, Keras 3 may put `["conv", 0, 0]` into a description of the tensor.
    """
    match value:
        case [str(layer), int(), int(), *_]:
            yield layer
        case {"config": {"keras_history": history}}:
            yield from tensors_of(history)
        case list():
            for item in value:
                yield from tensors_of(item)
        case dict():
            for item in value.values():
                yield from tensors_of(item)
