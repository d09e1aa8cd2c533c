"""The weights of a saved network, read from its file and given to the layers that were built for it."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...edge_runtime.models.h5 import open_h5
from .build import Part
from .calls import NotBuilt
from .description import MODELS, kind_of

WEIGHTS = "model.weights.h5"
_ROOT = "model_weights"
_RANDOM = ("seed_generator", "StateVar", "random_generator")
"""In the names of what Keras keeps for its random numbers."""
_ALIASES = {"depthwise_kernel": "kernel", "running_mean": "moving_mean", "running_std": "moving_variance"}


def give_weights(content: bytes, whole: Part) -> None:
    """Reads the weights of a file, whose arrays `read_h5` has found harmless, into the layers.

    Raises:
        NotBuilt: the file has none for a layer, or of another shape.
    """
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read(WEIGHTS)
        with open_h5(content) as file:
            places = _places(file)
        _give_by_place(places, "", whole)
    else:
        with open_h5(content) as file:
            for part in whole.inside:
                _give_in_order(file[_ROOT], part)


# .keras: each layer's numbers lie where its class and its place among its model's layers say.


_LAYERS_OF_2_13 = "_layer_checkpoint_dependencies"


def _places(group: Any, above: str = "") -> dict[str, np.ndarray]:
    """The numbers by their place; Windows wrote it with other strokes, Keras 2.13 with another word.

    They are read here, so that nothing of the file is open when it is closed.
    """
    found: dict[str, np.ndarray] = {}
    for name in group:
        item, place = group[name], f"{above}{name}"
        if hasattr(item, "shape"):
            found[place.replace("\\", "/").replace(_LAYERS_OF_2_13, "layers")] = _numbers(item)
        else:
            found |= _places(item, f"{place}/")
    return found


def _give_by_place(places: dict[str, np.ndarray], path: str, model: Part) -> None:
    used: dict[str, int] = {}
    for part in model.inside:
        kind = _snake_case(str(part.described["class_name"]))
        number = used[kind] = used.get(kind, -1) + 1
        inner = f"{path}layers/{kind}_{number}" if number else f"{path}layers/{kind}"
        if part.inside:
            _give_by_place(places, f"{inner}/", part)
        elif part.layer is not None:
            _give_own(places, inner, part.layer, part.name)


def _give_own(places: dict[str, np.ndarray], path: str, layer: Any, name: str) -> None:
    variables = [*layer._trainable_variables, *layer._non_trainable_variables]
    for number, variable in enumerate(variables):
        array = places.get(f"{path}/vars/{number}")
        if array is None:
            raise NotBuilt(f"it has no weights for its layer {name}")
        _assign(variable, array, name)
    for attribute, inner in vars(layer).items():
        if any(inner is each for each in layer._layers):
            tried = (f"{path}/{attribute}", f"{path}/{attribute.lstrip('_')}", f"{path}/_{attribute}")
            has = [each for each in tried if any(place.startswith(f"{each}/") for place in places)]
            _give_own(places, (has or tried)[0], inner, name)
    _finish(layer)


def _snake_case(kind: str) -> str:
    """As Keras names the places of its layers: `Conv2DTranspose` is conv2d_transpose."""
    kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()


# .h5: a list of numbers for each layer of the model, those of a model inside in one list.


@dataclass(frozen=True)
class _Vacancy:
    """A variable that waits for its numbers."""

    variable: Any
    name: str
    """The layer's in the file, and the variable's: `conv/kernel`."""


def _give_in_order(root: Any, part: Part) -> None:
    trainable, fixed = _slots(part)
    slots = trainable + fixed
    if not slots:
        return
    if part.name not in root:
        raise NotBuilt(f"it has no weights for its layer {part.name}")
    group = root[part.name]
    names = [name for name in _weight_names(group) if not any(word in name for word in _RANDOM)]
    if len(names) != len(slots):
        raise NotBuilt(f"it has {len(names)} weights for its layer {part.name}, which takes {len(slots)}")
    for slot, name in _matched(slots, names):
        _assign(slot.variable, _numbers(group[name]), part.name)
    for layer in _built_layers(part):
        _finish(layer)


def _slots(part: Part) -> tuple[list[_Vacancy], list[_Vacancy]]:
    """The variables of a part in Keras's order: those that it trained, then the others."""
    config = part.described["config"]
    if kind_of(part.described) in MODELS:
        pairs = [_slots(inner) for inner in part.inside]
        trainable, fixed = ([slot for pair in pairs for slot in pair[place]] for place in (0, 1))
    elif part.layer is not None:
        trainable, fixed = (
            [_Vacancy(variable, f"{part.name}/{_inner_name(variable, part.layer)}") for variable in variables]
            for variables in (part.layer.trainable_weights, part.layer.non_trainable_weights)
        )
    else:
        return [], []
    if isinstance(config, dict) and config.get("trainable") is False:
        return [], trainable + fixed
    return trainable, fixed


def _inner_name(variable: Any, layer: Any) -> str:
    return str(variable.path).removeprefix(f"{layer.name}/")


def _matched(slots: list[_Vacancy], names: list[str]) -> Iterator[tuple[_Vacancy, str]]:
    """Each variable with its array: by their names where those leave no doubt, else by their order."""
    plain = {name: _plain(name) for name in names}
    found = [[name for name, short in plain.items() if _ends_in(short, _plain(slot.name))] for slot in slots]
    if all(len(each) == 1 for each in found) and len({each[0] for each in found}) == len(names):
        return ((slot, each[0]) for slot, each in zip(slots, found, strict=True))
    for slot, name in zip(slots, names, strict=True):
        wanted, has = _plain(slot.name).split("/")[-1], plain[name].split("/")[-1]
        if re.sub(r"_\d+$", "", has) != wanted:
            raise NotBuilt(f"its weights {name} stand where {slot.name} is expected")
    return zip(slots, names, strict=True)


def _plain(name: str) -> str:
    """`conv/depthwise_kernel:0` is conv/kernel."""
    *before, last = name.split(":", maxsplit=1)[0].split("/")
    return "/".join([*before, _ALIASES.get(last, last)])


def _ends_in(name: str, end: str) -> bool:
    return name == end or name.endswith(f"/{end}")


def _weight_names(group: Any) -> list[str]:
    """Their order; a long list is kept in several attributes."""
    names = group.attrs.get("weight_names")
    if names is None:
        parts = []
        while (part := group.attrs.get(f"weight_names{len(parts)}")) is not None:
            parts.append(part)
        names = np.concatenate(parts) if parts else []
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _built_layers(part: Part) -> Iterator[Any]:
    if part.layer is not None:
        yield part.layer
    for inner in part.inside:
        yield from _built_layers(inner)


def _numbers(array: Any) -> np.ndarray:
    """float32, whatever precision they were saved in; h5py knows bfloat16 as two bytes without a meaning."""
    numbers = array[()]
    if numbers.dtype.kind == "V" and numbers.dtype.itemsize == 2:
        return (numbers.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.asarray(numbers)


def _assign(variable: Any, numbers: np.ndarray, layer: str) -> None:
    if tuple(variable.shape) != numbers.shape:
        raise NotBuilt(
            f"its weights for {layer} have the shape {numbers.shape}, the layer takes {tuple(variable.shape)}"
        )
    variable.assign(numbers.astype(variable.dtype))


def _finish(layer: Any) -> None:
    """Lets a Normalization layer compute with what it was given."""
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()
