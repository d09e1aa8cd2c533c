"""The int8 ladder: from the fastest way to quantise upwards, until a file loses little enough accuracy.

1. int8 throughout, weights per channel, activations over their whole range;
2. the same with narrower ranges, which clip outliers (percentile, entropy);
3. with the most sensitive layers in float, one more at a time.

`int8_within` climbs it; `Int8Tflite` and `Int8Onnx` are what it climbs on.
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

METHODS: tuple[RangeMethod, ...] = get_args(RangeMethod)
MOST_IN_FLOAT = 0.5
"""The share of the layers that may stay in float; beyond it, a float16 file is better."""

_SENSITIVITY_IMAGES = 256
_ROUNDING = 1e-9


class Int8Network(Protocol):
    """A network that was calibrated once and can be quantised in several ways: `Int8Tflite` or `Int8Onnx`."""

    layers: tuple[str, ...]
    """The layers with weights, by their Keras names, in the order of execution."""

    def quantise(self, ranges: RangeMethod = "min-max", float_layers: Collection[str] = ()) -> bytes:
        """Returns the network in int8, weights per channel, as a file's bytes without a card.

        Args:
            ranges: the method for the ranges of activations.
            float_layers: stay in float32, with what follows them up to the next layer with weights.
        """
        ...


@dataclass(frozen=True)
class AccuracyMeter:
    """Measures the accuracy that an int8 file loses, with the engine that devices run it with."""

    path: Path
    """Of the file to be written."""
    format: ModelFormat
    card: ModelCard
    images: np.ndarray
    """uint8 (N, H, W, 3) RGB, the validation split."""
    truth: np.ndarray
    """int64 (N,)."""
    keras_accuracy: float
    """Of the Keras original on these images, 0 to 1."""

    def drop_points(self, network: bytes) -> float:
        """Returns the accuracy of Keras minus that of a file without its card, in percentage points."""
        right = self.predict(network, self.images).argmax(1) == self.truth
        return (self.keras_accuracy - float(right.mean())) * 100

    def predict(self, network: bytes, images: np.ndarray) -> np.ndarray:
        """Returns the probabilities, float32 (N, C), of a file without its card for uint8 (N, H, W, 3)."""
        with closing(open_engine(ModelFile(self.path, self.format, network, self.card))) as engine:
            return predict_all(engine, images)


@dataclass(frozen=True)
class Attempt:
    """One way to quantise, and the accuracy that it lost."""

    ranges: RangeMethod
    float_layers: tuple[str, ...]
    """The most sensitive one first."""
    drop_points: float

    def __str__(self) -> str:
        layers = f", {', '.join(self.float_layers)} in float" if self.float_layers else ""
        return f"int8, {self.ranges} ranges{layers}: accuracy drop {self.drop_points:.2f} points"


@dataclass(frozen=True)
class FloatLayer:
    """A layer that was left in float, and why."""

    layer: str
    shift: float
    """See `Sensitivity`."""
    gain_points: float
    """Accuracy gained over the attempt before, in percentage points."""

    def __str__(self) -> str:
        return (
            f"{self.layer} stays in float: int8 in this layer alone changes the probabilities by "
            f"{self.shift:.3f}; float gains {self.gain_points:.2f} points"
        )


@dataclass(frozen=True)
class Int8Result:
    """An int8 file that loses little enough, and how it was found."""

    network: bytes
    """The file without its card."""
    attempts: tuple[Attempt, ...]
    """In order; the last one is the file."""
    float_layers: tuple[FloatLayer, ...]
    """The most sensitive one first."""

    @property
    def ranges(self) -> RangeMethod:
        """The method for the file's ranges."""
        return self.attempts[-1].ranges

    def lines(self) -> list[str]:
        """Returns each attempt as text, then each layer left in float with the reason."""
        return [*map(str, self.attempts), *map(str, self.float_layers)]


def int8_within(
    network: Int8Network,
    meter: AccuracyMeter,
    calibration_images: np.ndarray,
    max_drop_points: float,
    on_step: Callable[[str], None] = lambda _: None,
) -> Int8Result:
    """Climbs the ladder until a file loses at most `max_drop_points` of accuracy on validation images.

    Args:
        network: calibrated, in the target format.
        meter: measures each file.
        calibration_images: uint8 (N, H, W, 3) RGB; sensitivities are measured on up to 256 of them.
        max_drop_points: such as 0.5, in percentage points.
        on_step: called with the text of each attempt.

    Raises:
        CheckFailed: every attempt loses more.
    """
    attempts: list[Attempt] = []

    def quantised_within(ranges: RangeMethod, float_layers: tuple[str, ...] = ()) -> bytes | None:
        content = network.quantise(ranges, float_layers)
        attempts.append(Attempt(ranges, float_layers, meter.drop_points(content)))
        on_step(str(attempts[-1]))
        return content if attempts[-1].drop_points <= max_drop_points + _ROUNDING else None

    for ranges in METHODS:
        if (content := quantised_within(ranges)) is not None:
            return Int8Result(content, tuple(attempts), ())
    best = min(attempts, key=lambda attempt: attempt.drop_points)
    images = calibration_images[:: -(-len(calibration_images) // _SENSITIVITY_IMAGES)]
    ranked = sensitivities(network, lambda content: meter.predict(content, images), best.ranges)
    left: list[FloatLayer] = []
    for layer in ranked[: round(len(ranked) * MOST_IN_FLOAT)]:
        before = attempts[-1] if left else best
        content = quantised_within(best.ranges, (*(other.layer for other in left), layer.layer))
        left.append(FloatLayer(layer.layer, layer.shift, before.drop_points - attempts[-1].drop_points))
        if content is not None:
            return Int8Result(content, tuple(attempts), tuple(left))
    least = min(attempts, key=lambda attempt: attempt.drop_points)
    raise CheckFailed(
        f"{meter.path}: no int8 file within {max_drop_points:g} points of Keras; best: {least}; "
        "allow a larger --max-drop, or use --float16"
    )


@dataclass(frozen=True)
class Sensitivity:
    """The effect of int8 on one layer."""

    layer: str
    shift: float
    """Mean change of a picture's probabilities if this layer alone is int8: total variation distance, 0 to
    1."""


def sensitivities(
    network: Int8Network, predict: Callable[[bytes], np.ndarray], ranges: RangeMethod
) -> list[Sensitivity]:
    """Measures every layer alone in int8, all others in float; returns the most sensitive first.

    Not one layer in float and all others in int8: if each of two layers spoils the answers, keeping one of
    them in float shows no gain.

    Args:
        network: calibrated.
        predict: returns the float32 (N, C) probabilities of a file's bytes on some images.
        ranges: the method for the ranges of activations.
    """
    reference = predict(network.quantise(ranges, float_layers=network.layers))
    found = []
    for layer in network.layers:
        others = [other for other in network.layers if other != layer]
        change = predict(network.quantise(ranges, float_layers=others)) - reference
        found.append(Sensitivity(layer, float(np.abs(change).sum(1).mean() / 2)))
    return sorted(found, key=lambda one: -one.shift)
