"""Follows one picture's shape through a saved Keras model, layer by layer, without building it."""

from dataclasses import dataclass, field
from math import prod

from ..errors import BadModel
from .inspect_facts import TensorFacts
from .keras_config import MISFITS, MODELS, dtype_of, layers_of, name_of, saved_shape, tensors_of
from .keras_content import KerasContent, read_keras
from .keras_layers import Options, Shape, is_known, step

_MAX_NUMBERS = 2**28
"""That a layer may give for one picture: 1 GB of float32."""
_SPARE_WEIGHTS = 2**20
_PACKED = 4
"""Layers may need so many times the numbers that the file holds, and `_SPARE_WEIGHTS`: some are packed."""


@dataclass(frozen=True)
class KerasGraph:
    """What a model takes, gives and does."""

    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    macs: int | None
    macs_unknown: str


def check_keras(content: bytes, name: str) -> KerasContent:
    """What must hold before Keras itself may open a file, and build what it describes.

    Raises:
        BadModel: see `read_keras` and `follow`.
        Unavailable: h5py is not installed.
    """
    model = read_keras(content, name)
    follow(model, name)
    return model


def follow(model: KerasContent, name: str) -> KerasGraph:
    """Follows one picture through the model.

    Raises:
        BadModel: what a layer gives, or the weights that the layers need, would take all memory.
    """
    way = _Way()
    try:
        shapes, unknown = way.through_model(model.config, None), ""
    except _TooLarge as error:
        raise BadModel(f"{name}: refused: {error}; save it again with Keras") from error
    except _Unknown as error:
        shapes, unknown = None, str(error)
    except MISFITS:
        shapes, unknown = None, "the description of the layers cannot be followed"
    if way.weights > _SPARE_WEIGHTS + _PACKED * model.parameters:
        raise BadModel(
            f"{name}: refused: its layers need far more weights than the {model.parameters:,} in it; "
            "save it again with Keras"
        )
    inputs, outputs = _ends(model.config, shapes)
    return KerasGraph(inputs, outputs, None if unknown else way.macs, unknown)


class _Unknown(Exception):
    """Something whose shape does not follow from the file."""


class _TooLarge(Exception):
    """A layer that would take all memory."""


@dataclass
class _Way:
    """One picture's way through a model, and what was counted on it."""

    macs: int = 0
    weights: int = 0
    seen: set[int] = field(default_factory=set)
    """Layers by their id: one that is used twice has its weights once."""

    def through_model(self, model: Options, inputs: list[Shape] | None) -> list[Shape]:
        """The shapes that a model gives; without inputs, it takes the shapes that were saved with it."""
        if model["class_name"] == "Sequential":
            return self._through_sequence(model, inputs)
        if model["class_name"] in MODELS:
            return self._through_graph(model, inputs)
        raise _Unknown(f"{model['class_name']} is not a model of known layers")

    def _through_sequence(self, model: Options, inputs: list[Shape] | None) -> list[Shape]:
        layers = layers_of(model)
        shapes = inputs or [_for_one_picture(saved_shape(layers[0], model))]
        for layer in layers:
            shapes = self._through_layer(layer, shapes)
        return shapes

    def _through_graph(self, model: Options, inputs: list[Shape] | None) -> list[Shape]:
        graph, layers = model["config"], {name_of(layer): layer for layer in layers_of(model)}
        sources = list(tensors_of(graph["input_layers"]))
        if inputs is None:
            inputs = [_for_one_picture(saved_shape(layers[layer], model)) for layer, _, _ in sources]
        known = {(layer, use): [shape] for (layer, use, _), shape in zip(sources, inputs, strict=True)}
        first_use = _first_uses(graph)
        waiting = [
            (layer, use, list(tensors_of(node)))
            for layer in layers
            for use, node in enumerate(layers[layer].get("inbound_nodes", ()), first_use.get(layer, 0))
        ]
        while waiting:
            ready = [call for call in waiting if all(source[:2] in known for source in call[2])]
            if not ready:
                raise _Unknown("its layers do not follow from its inputs")
            for layer, use, taken in ready:
                shapes = [known[source, index][at] for source, index, at in taken]
                known[layer, use] = self._through_layer(layers[layer], shapes)
            waiting = [call for call in waiting if call[:2] not in known]
        return [known[layer, use][at] for layer, use, at in tensors_of(graph["output_layers"])]

    def _through_layer(self, layer: Options, inputs: list[Shape]) -> list[Shape]:
        kind = layer.get("registered_name") or layer["class_name"]  # the first is set for classes of others
        if kind == "InputLayer":
            return inputs
        if kind in MODELS:
            return self.through_model(layer, inputs)
        if not is_known(kind):
            raise _Unknown(f"what a layer {kind} does is not known")
        done = step(kind, layer["config"], inputs)
        if prod(done.shape) > _MAX_NUMBERS:
            raise _TooLarge(f"a layer {kind} gives more than {_MAX_NUMBERS:,} numbers for one picture")
        self.macs += done.macs
        self.weights += 0 if id(layer) in self.seen else done.weights
        self.seen.add(id(layer))
        return [done.shape]


def _first_uses(graph: Options) -> dict[str, int]:
    """The number of each layer's first use: for a model inside, Keras 2 counts its own building as use 0."""
    calls = [layer.get("inbound_nodes", []) for layer in graph["layers"]]
    first: dict[str, int] = {}
    for layer, use, _ in tensors_of([graph["output_layers"], *calls]):
        first[layer] = min(use, first.get(layer, use))
    return first


def _ends(
    model: Options, shapes: list[Shape] | None
) -> tuple[tuple[TensorFacts, ...], tuple[TensorFacts, ...]]:
    """The inputs and outputs; none where the description is unusual."""
    try:
        sources, results = _end_layers(model)
        taken = [saved_shape(layer, model) for layer in sources]
        given = [(None, *shape) for shape in shapes] if shapes else [None] * len(results)
        return tuple(map(_end, sources, taken)), tuple(map(_end, results, given))
    except MISFITS:
        return (), ()


def _end(layer: Options, shape: tuple[int | None, ...] | None) -> TensorFacts:
    return TensorFacts(name_of(layer), dtype_of(layer), shape)


def _end_layers(model: Options) -> tuple[list[Options], list[Options]]:
    layers = layers_of(model)
    if model["class_name"] == "Sequential":
        return layers[:1], layers[-1:]
    named = {name_of(layer): layer for layer in layers}
    ends = (tensors_of(model["config"][key]) for key in ("input_layers", "output_layers"))
    sources, results = ([named[layer] for layer, _, _ in end] for end in ends)
    return sources, results


def _for_one_picture(shape: tuple[int | None, ...] | None) -> Shape:
    sizes = [size for size in shape[1:] if isinstance(size, int)] if shape else []
    if not shape or len(sizes) != len(shape) - 1:
        raise _Unknown("the size of its input is not fixed")
    return tuple(sizes)
