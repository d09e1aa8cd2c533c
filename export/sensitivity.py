"""Which layers suffer most from int8, each by itself."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .int8_network import Int8Network
from .ranges import RangeMethod


@dataclass(frozen=True)
class Sensitivity:
    """What int8 does to one layer."""

    layer: str
    shift: float
    """How far a picture's probabilities move, on average, when this layer alone is int8: the total variation
    distance, 0 to 1."""


def sensitivities(
    network: Int8Network, answers: Callable[[bytes], np.ndarray], ranges: RangeMethod
) -> list[Sensitivity]:
    """Measures every layer alone in int8, all others in float; the most sensitive comes first.

    Not the other way round, one layer in float and all others in int8: where two layers are each bad enough
    to spoil the answers, to save one of them shows no gain.

    Args:
        network: to be quantised.
        answers: runs a file's bytes on some images; float32 (N, C) probabilities.
        ranges: of the activations.
    """
    reference = answers(network.quantise(ranges, float_layers=network.layers))
    found = []
    for layer in network.layers:
        others = [other for other in network.layers if other != layer]
        moved = answers(network.quantise(ranges, float_layers=others)) - reference
        found.append(Sensitivity(layer, float(np.abs(moved).sum(1).mean() / 2)))
    return sorted(found, key=lambda one: -one.shift)
