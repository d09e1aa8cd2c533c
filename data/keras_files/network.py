"""A Keras network's shapes and multiplications, as Keras itself builds it, before it takes any memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from math import prod
from typing import Any

from ...edge_runtime.errors import BadModel
from ...edge_runtime.inspection.facts import NetworkFacts, TensorFacts
from ...edge_runtime.inspection.inspect import KERAS_MEMORY_BYTES
from ...edge_runtime.models.model_file import content_sha256
from ...edge_runtime.models.passed import has_passed, remember
from ...edge_runtime.text import one_reason
from ...edge_runtime.workers import ask_worker
from ..backend import keras
from .build import build_network
from .calls import NotBuilt
from .content import PASSED, KerasContent, computing_content, refuse_early
from .description import MISFITS
from .weights import give_weights

# What Keras keeps of variables, for which it has no public name.
_global_state: Any = import_module("keras.src.backend.common.global_state")

_MOST_NUMBERS = 2**28
"""That a layer may give for one picture: 1 GB of float32."""
_SPARE_WEIGHTS = 2**20
_PACKED = 4
"""Layers may need so many times the numbers that the file holds, and `_SPARE_WEIGHTS`: some are packed."""


@dataclass(frozen=True)
class LayerCost:
    """One use of a layer in a network."""

    shape: tuple[int | None, ...]
    """Of its output, without the batch."""
    macs: int
    """Multiply-accumulates for one picture."""
    weights: int
    """Numbers in its kernels; biases and the like are not counted."""


class Unbuildable(Exception):
    """Keras may not, or cannot, build a network."""


def load_network(content: bytes, name: str, size_px: Sequence[int] | None = None) -> Any:
    """Builds the network of an `.h5` or `.keras` that nobody has vouched for, with its weights.

    It is checked and built in a process with limits first, unless this file has passed that on this machine.

    Args:
        content: of the file.
        name: of the file.
        size_px: (height, width) of the pictures, for a network that takes any.

    Returns:
        A Keras model that computes in float32, without what only acts in training. Its outputs are in the
        order of `saved_ends`.

    Raises:
        BadModel: see `computing_content`; what a layer gives, or the weights that the layers need, would take
            all memory; the layers or the weights cannot be built; or reading it crashes, takes too long or
            too much memory.
        Unavailable: h5py is not installed.
    """
    sha256 = content_sha256(content)
    if not has_passed(sha256, PASSED):
        refuse_early(content, name)
        ask_worker(check_network, content, name, memory_bytes=KERAS_MEMORY_BYTES)
        remember(sha256, PASSED)
    model = computing_content(content, name)
    check_network(content, name, size_px)
    try:
        network, whole = build_network(model.config, model.keras_major, size_px)
        give_weights(content, whole)
    except Exception as error:
        raise BadModel(f"{name}: {_reason(error)}; {model.way_on}") from error
    return network


def check_network(content: bytes, name: str, size_px: Sequence[int] | None = None) -> None:
    """What must hold before a file is loaded, code and memory alike; `size_px` as for `load_network`.

    Raises:
        BadModel, Unavailable: as `load_network`.
    """
    model = computing_content(content, name)
    try:
        _outline(model, name, size_px)
    except Unbuildable as error:
        raise BadModel(f"{name}: {error}; {model.way_on}") from error


def built_facts(model: KerasContent, name: str, saved: NetworkFacts) -> NetworkFacts:
    """The facts of a network that may be built.

    Args:
        model: whose content has been checked.
        name: of the file.
        saved: what its description tells.

    Raises:
        BadModel: what a layer gives, or the weights that the layers need, would take all memory.
    """
    try:
        network = _outline(model, name)
    except Unbuildable as error:
        return replace(saved, macs_unknown=str(error), refused=str(error))
    inputs, outputs = built_ends(saved.inputs, network.inputs), built_ends(saved.outputs, network.outputs)
    macs, unknown = None, ""
    try:
        macs = sum(cost.macs for cost in layer_costs(network))
    except Unbuildable as error:
        unknown = str(error)
    if any(size is None for tensor in network.inputs for size in tensor.shape[1:]):
        macs, unknown = None, "the size of its input is not fixed"
    return replace(saved, inputs=inputs, outputs=outputs, macs=macs, macs_unknown=unknown)


def _outline(model: KerasContent, name: str, size_px: Sequence[int] | None = None) -> Any:
    """The network with shapes and without values: its variables are never given any memory.

    Raises:
        Unbuildable: it cannot be built.
        BadModel: it would take all memory.
    """
    waiting = list(_global_state.get_global_attribute("uninitialized_variables", []))
    try:
        with keras.StatelessScope(initialize_variables=False):
            network, _ = build_network(model.config, model.keras_major, size_px)
    except Exception as error:  # Keras raises whatever its layers raise
        raise Unbuildable(_reason(error)) from error
    finally:  # or the next scope would give memory to them
        _global_state.set_global_attribute("uninitialized_variables", waiting)
    _check_size(network, model.parameters, name)
    return network


def _reason(error: Exception) -> str:
    """Why a network cannot be built, in one line."""
    if isinstance(error, NotBuilt):
        return str(error)
    if isinstance(error, MISFITS) and not isinstance(error, ValueError):
        return f"its description of the layers is not as Keras writes it ({type(error).__name__})"
    return f"Keras cannot build it: {one_reason(error)}"


def _check_size(network: Any, parameters: int, name: str) -> None:
    for node in _nodes(network):
        for tensor in node.output_tensors:
            if prod(size for size in tensor.shape[1:] if size) > _MOST_NUMBERS:
                raise BadModel(
                    f"{name}: refused: a layer {type(node.operation).__name__} gives more than "
                    f"{_MOST_NUMBERS:,} numbers for one picture; save it again with Keras"
                )
    if network.count_params() > _SPARE_WEIGHTS + _PACKED * parameters:
        raise BadModel(
            f"{name}: refused: its layers need far more weights than the {parameters:,} in it; "
            "save it again with Keras"
        )


def layer_costs(network: Any) -> Iterator[LayerCost]:
    """What each use of a layer costs, those of networks inside included.

    Raises:
        Unbuildable: the multiplications of a layer are not known.
    """
    for node in _nodes(network):
        layer = node.operation
        if isinstance(layer, keras.Model):
            yield from layer_costs(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            taken, given = node.input_tensors[0].shape, node.output_tensors[0].shape
            yield LayerCost(tuple(given[1:]), _macs(layer, taken, given), _kernel_size(layer))


def _nodes(network: Any) -> Iterator[Any]:
    """Each use of a layer; a Sequential holds a Functional."""
    functional = getattr(network, "_functional", None) or network
    if not hasattr(functional, "_nodes_by_depth"):
        raise Unbuildable(f"{type(network).__name__} is not a model of known layers")
    for depth in sorted(functional._nodes_by_depth, reverse=True):
        yield from functional._nodes_by_depth[depth]


def _macs(layer: Any, taken: tuple[int | None, ...], given: tuple[int | None, ...]) -> int:
    kernel = _kernel_size(layer)
    kind = type(layer).__name__
    if not kernel or kind == "PReLU":
        return 0
    if kind == "Dense":
        return kernel * prod(size or 0 for size in taken[1:-1])
    if "Conv" in kind:
        shape = taken if "Transpose" in kind else given
        return kernel * prod(size or 0 for size in (shape[2:] if _channels_first(layer) else shape[1:-1]))
    raise Unbuildable(f"how often a layer {kind} multiplies is not known")


def _kernel_size(layer: Any) -> int:
    """Numbers in the kernels, and in PReLU's slopes."""
    return sum(
        prod(weight.shape)
        for weight in layer.weights
        if "kernel" in weight.path.split("/")[-1] or "alpha" in weight.path.split("/")[-1]
    )


def _channels_first(layer: Any) -> bool:
    return getattr(layer, "data_format", "") == "channels_first"


def built_ends(saved: Sequence[TensorFacts], tensors: Sequence[Any]) -> tuple[TensorFacts, ...]:
    """Names and types as they were saved, where the description tells; sizes as they were built."""
    if len(saved) != len(tensors):
        return tuple(
            TensorFacts(tensor._keras_history.operation.name, tensor.dtype, tuple(tensor.shape))
            for tensor in tensors
        )
    return tuple(replace(end, shape=tuple(tensor.shape)) for end, tensor in zip(saved, tensors, strict=True))
