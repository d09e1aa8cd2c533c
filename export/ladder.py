"""The int8 ladder: from the fastest way to quantise upwards, until a file loses little enough accuracy.

1. int8 throughout, weights per channel, activations over their whole range;
2. the same with narrower ranges, which clip outliers (percentile, entropy);
3. the most sensitive layers stay in float, one more at a time.
"""

from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, get_args

import numpy as np

from ..edge_runtime.engines.engine import open_engine
from ..edge_runtime.errors import CheckFailed
from ..edge_runtime.models.card import ModelCard
from ..edge_runtime.models.model_file import ModelFile, ModelFormat
from .calibration import RangeMethod
from .parity import predict_all

# What both formats offer for int8: one network, calibrated once, that can be quantised in several ways.


class Int8Network(Protocol):
    """A calibrated network; `tflite.Int8Tflite` and `onnx.Int8Onnx` are the two of them."""

    layers: tuple[str, ...]
    """The layers with weights by their Keras names, in the order of execution."""

    def quantise(self, ranges: RangeMethod = "min-max", float_layers: Collection[str] = ()) -> bytes:
        """The network in int8, weights per channel, as a file's bytes without a card.

        Args:
            ranges: how the ranges of activations are taken from the calibration images.
            float_layers: stay in float32, together with what follows them up to the next layer with weights.
        """
        ...


# Which layers suffer most from int8, each by itself.


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


METHODS: tuple[RangeMethod, ...] = get_args(RangeMethod)
MOST_IN_FLOAT = 0.5
"""The share of the layers that may stay in float: with more of them, a float16 file is the better one."""

_SENSITIVITY_IMAGES = 256
_ROUNDING = 1e-9


@dataclass(frozen=True)
class AccuracyMeter:
    """Tells what an int8 file loses, through the engine that devices run it with."""

    path: Path
    """What the file will be called."""
    format: ModelFormat
    card: ModelCard
    images: np.ndarray
    """uint8 (N, H, W, 3) RGB, the validation split."""
    truth: np.ndarray
    """int64 (N,)."""
    keras_accuracy: float
    """Of the Keras original on these images, 0 to 1."""

    def drop_points(self, network: bytes) -> float:
        """The accuracy of Keras less that of a file without its card, in points."""
        right = self.answers(network, self.images).argmax(1) == self.truth
        return (self.keras_accuracy - float(right.mean())) * 100

    def answers(self, network: bytes, images: np.ndarray) -> np.ndarray:
        """The probabilities, float32 (N, C), that a file without its card gives for uint8 (N, H, W, 3)."""
        with closing(open_engine(ModelFile(self.path, self.format, network, self.card))) as engine:
            return predict_all(engine, images)


@dataclass(frozen=True)
class Attempt:
    """One way to quantise, and what it lost."""

    ranges: RangeMethod
    float_layers: tuple[str, ...]
    """The most sensitive one first."""
    drop_points: float

    def __str__(self) -> str:
        layers = f", {' and '.join(self.float_layers)} in float" if self.float_layers else ""
        return f"int8 with {self.ranges} ranges{layers}: {self.drop_points:.2f} points lost"


@dataclass(frozen=True)
class FloatLayer:
    """A layer that was left in float, and why."""

    layer: str
    shift: float
    """As in `sensitivity.Sensitivity`."""
    gain_points: float
    """Of accuracy, over the step before."""

    def __str__(self) -> str:
        return (
            f"{self.layer} stays in float: alone in int8 it moves the probabilities by {self.shift:.3f}, "
            f"in float it wins {self.gain_points:.2f} points"
        )


@dataclass(frozen=True)
class Int8Result:
    """An int8 file that loses little enough, and how it came about."""

    network: bytes
    """The file without its card."""
    steps: tuple[Attempt, ...]
    """What was tried, in order; the last one is the file."""
    float_layers: tuple[FloatLayer, ...]
    """The most sensitive one first."""

    @property
    def ranges(self) -> RangeMethod:
        """How the file's ranges were taken."""
        return self.steps[-1].ranges

    def lines(self) -> list[str]:
        """For people: each step, and for each layer left in float why."""
        return [*map(str, self.steps), *map(str, self.float_layers)]


def int8_within(
    network: Int8Network,
    meter: AccuracyMeter,
    calibration_images: np.ndarray,
    max_drop_points: float,
    on_step: Callable[[str], None] = lambda _: None,
) -> Int8Result:
    """Climbs the ladder until a file loses at most `max_drop_points` of accuracy on validation images.

    Args:
        network: calibrated, in the format wanted.
        meter: measures each file.
        calibration_images: uint8 (N, H, W, 3) RGB; sensitivities are measured on up to 256 of them.
        max_drop_points: such as 0.5, in percent of the validation images.
        on_step: told what each step lost.

    Raises:
        CheckFailed: no step loses so little.
    """
    steps: list[Attempt] = []

    def within(ranges: RangeMethod, float_layers: tuple[str, ...] = ()) -> bytes | None:
        content = network.quantise(ranges, float_layers)
        steps.append(Attempt(ranges, float_layers, meter.drop_points(content)))
        on_step(str(steps[-1]))
        return content if steps[-1].drop_points <= max_drop_points + _ROUNDING else None

    for ranges in METHODS:
        if (content := within(ranges)) is not None:
            return Int8Result(content, tuple(steps), ())
    best = min(steps, key=lambda step: step.drop_points)
    images = calibration_images[:: -(-len(calibration_images) // _SENSITIVITY_IMAGES)]
    ranked = sensitivities(network, lambda content: meter.answers(content, images), best.ranges)
    left: list[FloatLayer] = []
    for one in ranked[: round(len(ranked) * MOST_IN_FLOAT)]:
        before = steps[-1] if left else best
        content = within(best.ranges, (*(other.layer for other in left), one.layer))
        left.append(FloatLayer(one.layer, one.shift, before.drop_points - steps[-1].drop_points))
        if content is not None:
            return Int8Result(content, tuple(steps), tuple(left))
    least = min(steps, key=lambda step: step.drop_points)
    raise CheckFailed(
        f"{meter.path}: no int8 file within {max_drop_points:g} points of Keras, at best {least}; "
        "allow a larger --max-drop, or use --float16"
    )
