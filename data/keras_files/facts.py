"""The facts of a Keras file, and its inputs and outputs as its description tells them.

Keras itself is loaded only for a network that it may build.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ...edge_runtime.inspection.facts import NetworkFacts, OperatorFacts, TensorFacts
from .allowed import ACTS_IN_TRAINING, LAYERS
from .calls import NotBuilt, calls_of, inputs_of
from .content import KerasContent, check_content, refusal
from .description import (
    MISFITS,
    MODELS,
    Described,
    computing_layers,
    dtype_of,
    kind_of,
    layers_of,
    name_of,
)

Shape = tuple[int | None, ...]
End = tuple[str, str, Shape | None]
"""A layer's name, its dtype, and its shape with the batch; None where the description does not tell."""

_KEEPS_SHAPE = frozenset(
    (
        *("Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "ThresholdedReLU"),
        *("BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization"),
        *("Normalization", "Rescaling", "UnitNormalization", "Identity", "InputLayer"),
        *(kind for kind, what in LAYERS.items() if what == ACTS_IN_TRAINING),
    )
)
_KEEPS_CHANNELS = frozenset(
    ("AveragePooling2D", "MaxPooling2D", "ZeroPadding2D", "Cropping2D", "UpSampling2D", "Resizing")
)
_CONVOLVES = frozenset(("Conv2D", "Conv2DTranspose", "SeparableConv2D"))
_POOLS_ALL = frozenset(("GlobalAveragePooling2D", "GlobalMaxPooling2D"))


def read_network(content: bytes, name: str) -> NetworkFacts:
    """Reads the facts of a Keras model.

    Raises:
        BadModel: damaged, not a whole model, or refused: see `check_content` and `check_network`.
        Unavailable: h5py or Keras is not installed.
    """
    return network_facts(check_content(content, name), name)


def network_facts(model: KerasContent, name: str) -> NetworkFacts:
    """The facts of a network whose content has been checked.

    Raises:
        BadModel: what a layer gives, or the weights that the layers need, would take all memory.
    """
    facts = saved_facts(model)
    if facts.refused:
        return facts
    from .network import built_facts  # noqa: PLC0415 - TensorFlow, after what is refused without it

    return built_facts(model, name, facts)


def saved_facts(model: KerasContent) -> NetworkFacts:
    """What the description of a network tells without Keras."""
    try:
        operators = Counter(computing_layers(model.config))
    except MISFITS:  # a model of its own class says nothing of its layers
        operators = Counter()
    inputs, outputs = (tuple(TensorFacts(*end) for end in ends) for ends in saved_ends(model.config))
    facts = NetworkFacts(
        f"Keras {model.keras_version}",
        inputs,
        outputs,
        tuple(OperatorFacts(layer, count) for layer, count in operators.items()),
        model.parameters,
        None,
    )
    refused = refusal(model).removeprefix("refused: ")
    return replace(facts, refused=refused, macs_unknown=refused.partition(";")[0])


# Inputs and outputs


def saved_ends(model: Described) -> tuple[list[End], list[End]]:
    """The inputs and outputs; none where the description is unusual.

    The shape of an output is that of the layers at its end, as far as these tell it; None also stands for a
    size that they do not.
    """
    try:
        sources, results = _end_layers(model)
        inputs: list[End] = [(name_of(each), dtype_of(each), _saved_shape(each, model)) for each in sources]
        return inputs, [(name_of(each), dtype_of(each), _given(model, each)) for each in results]
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


def _saved_shape(layer: Described, model: Described) -> Shape | None:
    """What a first layer takes, with the batch: its own option, or what the model was built with."""
    whole = model["config"]
    if kind_of(layer) in MODELS:
        try:
            return tuple(inputs_of(layer)[0][0])
        except NotBuilt:
            return None
    options = layer["config"]
    built = whole.get("build_input_shape") if isinstance(whole, dict) else None
    shape = options.get("batch_shape") or options.get("batch_input_shape") or built
    return tuple(shape) if shape else None


def _given(model: Described, layer: Described) -> Shape | None:
    """What a layer of a model gives, followed back from the end as far as it must be."""
    try:
        return _shape_of(model, layer)
    except (NotBuilt, *MISFITS):
        return None


def _shape_of(model: Described, layer: Described) -> Shape | None:
    kind, options = kind_of(layer), layer["config"]
    shape: Shape | None = None
    if kind in MODELS:
        (last,) = _end_layers(layer)[1]
        shape = _shape_of(layer, last)
    elif kind == "InputLayer":
        shape = _saved_shape(layer, model)
    elif kind == "Reshape":
        shape = None, *(size if size > 0 else None for size in options["target_shape"])
    elif kind == "Flatten":
        shape = None, None
    elif options.get("data_format") != "channels_first" and not options.get("keepdims"):
        if kind in _CONVOLVES:
            shape = None, None, None, options["filters"]
        elif kind in _KEEPS_SHAPE | _KEEPS_CHANNELS | _POOLS_ALL | {"Dense"}:
            shape = _changed(kind, options, _before(model, layer))
    return shape


def _changed(kind: str, options: dict[str, Any], before: Shape | None) -> Shape | None:
    """What a layer makes of the shape that it is given."""
    if kind in _POOLS_ALL:
        return None, before[-1] if before else None
    if before is None or kind in _KEEPS_SHAPE:
        return before
    return (*before[:-1], options["units"]) if kind == "Dense" else (None, None, None, before[-1])


def _before(model: Described, layer: Described) -> Shape | None:
    """The shape that a layer is given."""
    source = _source_of(model, layer)
    return _shape_of(model, source) if source else _saved_shape(layer, model)


def _source_of(model: Described, layer: Described) -> Described | None:
    """The layer whose result this one is given; None for the first of a sequence, and for several."""
    layers = layers_of(model)
    if kind_of(model) == "Sequential":
        at = next(number for number, each in enumerate(layers) if each is layer)
        return layers[at - 1] if at else None
    (call,) = calls_of(layer, {name_of(each) for each in layers})
    (tensor,) = call.tensors()
    return next(each for each in layers if name_of(each) == tensor.layer)


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
