"""The int8 ladder: from the fastest way to quantise upwards, until a file loses little enough accuracy.

1. int8 throughout, weights per channel, activations over their whole range;
2. the same with the last layer in float, and the mean before it, which costs nearly nothing;
3. narrower ranges, which clip outliers (percentile, entropy), with the last layer in float if that helped;
4. with the most sensitive layers in float, one more at a time.

`int8_within` climbs it; `Int8Tflite` and `Int8Onnx` are what it climbs on. Without `--max-drop` it is climbed
only if the file loses more than `noticed`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, get_args

import numpy as np

from ..edge_runtime.engines.open import open_own_engine
from ..edge_runtime.errors import CheckFailed
from ..edge_runtime.models.card import ModelCard
from ..edge_runtime.models.model_file import ModelFile, ModelFormat
from .calibration import RangeMethod
from .layer_names import last_layer
from .parity import predict_all

METHODS: tuple[RangeMethod, ...] = get_args(RangeMethod)
MOST_IN_FLOAT = 0.5
"""The share of the layers that may stay in float; beyond it, a float16 file is better."""

MEASURED_IMAGES = 256
"""Calibration images that the export measures on, besides the validation images."""
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
class MostLost:
    """What an int8 file may lose to Keras."""

    drop_points: float
    """Accuracy on the validation images, in percentage points."""
    changed: float = 1.0
    """Share of pictures, validation and calibration, that get another label, 0 to 1."""
    shift: float = 1.0
    """Mean change of a picture's probabilities, as shares of their sum: total variation distance, 0 to 1."""

    def holds(self, attempt: "Attempt") -> bool:
        """Whether an attempt keeps to it."""
        return (
            attempt.drop_points <= self.drop_points + _ROUNDING
            and attempt.changed <= self.changed
            and attempt.shift <= self.shift
        )


_NOTICED = MostLost(drop_points=1.0, changed=0.05, shift=0.05)
"""Labels and probabilities count too, since of 30 validation images one is 3 points. Networks that quantise
well shift probabilities by up to 0.02; a weakly regularised head lost half of the labels."""
_HELPS = 0.5
"""If other labels become half as many, the last layer stays in float for good."""
_BY_CHANCE = 2
"""Validation images that may be lost in any case."""


def noticed(val_images: int, factor: float = 1.0) -> MostLost:
    """Returns what a file may lose before the export mends it without being asked, times a factor."""
    drop_points = max(_NOTICED.drop_points, 100 * _BY_CHANCE / max(val_images, 1))
    return MostLost(drop_points * factor, _NOTICED.changed * factor, _NOTICED.shift * factor)


@dataclass(frozen=True)
class Meter:
    """Measures what an int8 file loses, with the engine that devices run it with."""

    path: Path
    """Of the file to be written."""
    format: ModelFormat
    card: ModelCard
    images: np.ndarray
    """uint8 (N, H, W, 3) RGB, the validation split."""
    truth: np.ndarray | None
    """int64 (N,); None if there are no labels."""
    more_images: np.ndarray
    """uint8 (M, H, W, 3) RGB, some of the calibration images; a validation split may be small."""
    reference: np.ndarray
    """float32 (N, C), the probabilities of the Keras original."""
    more_reference: np.ndarray
    """float32 (M, C)."""

    def attempt(self, network: bytes, ranges: RangeMethod, float_layers: tuple[str, ...] = ()) -> "Attempt":
        """Measures a file without its card that was quantised in this way."""
        answers, more = self.predict(network, self.images), self.predict(network, self.more_images)
        both, reference = (
            np.concatenate([answers, more]),
            np.concatenate([self.reference, self.more_reference]),
        )
        change = _shares(both) - _shares(reference)
        drop_points = 0.0
        if self.truth is not None:
            right, right_in_keras = (of.argmax(1) == self.truth for of in (answers, self.reference))
            drop_points = (float(right_in_keras.mean()) - float(right.mean())) * 100
        changed = float((both.argmax(1) != reference.argmax(1)).mean())
        shift = float(np.abs(change).sum(1).mean() / 2)
        return Attempt(ranges, float_layers, drop_points, changed, shift, self.truth is not None)

    def predict(self, network: bytes, images: np.ndarray) -> np.ndarray:
        """Returns the probabilities, float32 (N, C), of a file without its card for uint8 (N, H, W, 3)."""
        with closing(open_own_engine(ModelFile(self.path, self.format, network, self.card))) as engine:
            return predict_all(engine, images)


@dataclass(frozen=True)
class Attempt:
    """One way to quantise, and what it lost."""

    ranges: RangeMethod
    float_layers: tuple[str, ...]
    """The last layer, or the most sensitive one first."""
    drop_points: float
    """See `MostLost`, as for the others."""
    changed: float
    shift: float
    is_labelled: bool = True
    """Whether the classes of the validation images are known; where they are not, nothing is dropped."""

    def __str__(self) -> str:
        return f"int8, {self.way}: {self.loss}"

    @property
    def way(self) -> str:
        """How it was quantised, as text."""
        return f"{self.ranges} ranges{f', {_names(self.float_layers)} in float' if self.float_layers else ''}"

    @property
    def loss(self) -> str:
        """What it lost, as text: on the validation images, and for other labels on calibration images too."""
        accuracy = f"validation accuracy {_change(-self.drop_points)}, " if self.is_labelled else ""
        return f"{accuracy}other labels {self.changed:.1%}"


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
            f"{self.shift:.3f}; with it in float: validation accuracy {_change(self.gain_points)}"
        )


@dataclass(frozen=True)
class Int8Result:
    """An int8 file, and how it was found."""

    network: bytes
    """The file without its card."""
    attempts: tuple[Attempt, ...]
    """In order."""
    chosen: Attempt
    """The file's."""
    sensitive: tuple[FloatLayer, ...] = ()
    """Layers left in float because they are sensitive, the most sensitive one first."""
    is_within: bool = True
    """Whether it loses little enough."""

    def lines(self) -> list[str]:
        """Returns each attempt as text, then each sensitive layer with the reason."""
        return [*map(str, self.attempts), *map(str, self.sensitive)]

    def warnings(self) -> Iterator[str]:
        """Yields what to do if nothing mends the file."""
        if not self.is_within:
            yield (
                f"int8 loses much ({self.chosen.loss}); neither narrower ranges nor float layers help; "
                "use a --float16 file, or train again with stronger regularisation"
            )

    @property
    def summary(self) -> str:
        """What was noticed and done, in one line; empty if int8 throughout was good enough."""
        if len(self.attempts) == 1:
            return ""
        first, chosen = self.attempts[0], self.chosen
        return f"int8 throughout lost too much ({first.loss}); with {chosen.way}: {chosen.loss}"


def int8_within(
    network: Int8Network,
    meter: Meter,
    limit: MostLost,
    enough: MostLost | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> Int8Result:
    """Climbs the ladder until a file keeps to the limit.

    Args:
        network: calibrated, in the target format.
        meter: measures each file; sensitivities are measured on its `more_images`.
        limit: what the file may lose.
        enough: what the best file of the first three steps may lose; the fourth takes minutes where a network
            has many layers. None is the limit.
        on_step: called with the text of each attempt.

    Returns:
        The first file that keeps to the limit; if none does, the best.
    """
    attempts: list[Attempt] = []

    def tried(ranges: RangeMethod, float_layers: tuple[str, ...] = ()) -> bytes | None:
        content = network.quantise(ranges, float_layers)
        attempts.append(meter.attempt(content, ranges, float_layers))
        on_step(str(attempts[-1]))
        return content if limit.holds(attempts[-1]) else None

    def found(content: bytes, left: Sequence[FloatLayer] = ()) -> Int8Result:
        return Int8Result(content, tuple(attempts), attempts[-1], tuple(left))

    last = last_layer(network.layers)
    for float_layers in ((), last):
        if (content := tried(METHODS[0], float_layers)) is not None:
            return found(content)
    kept = last if attempts[1].changed < attempts[0].changed * _HELPS else ()
    for method in METHODS[1:]:
        if (content := tried(method, kept)) is not None:
            return found(content)
    best = min((one for one in attempts if one.float_layers == kept), key=_by_loss)
    if enough and enough.holds(best):
        return Int8Result(network.quantise(best.ranges, kept), tuple(attempts), best)
    ranked = sensitivities(network, lambda content: meter.predict(content, meter.more_images), best.ranges)
    left: list[FloatLayer] = []
    for layer in ranked[: round(len(ranked) * MOST_IN_FLOAT)]:
        before = attempts[-1] if left else best
        content = tried(best.ranges, tuple(dict.fromkeys([*kept, *(one.layer for one in left), layer.layer])))
        left.append(FloatLayer(layer.layer, layer.shift, before.drop_points - attempts[-1].drop_points))
        if content is not None:
            return found(content, left)
    least = min(attempts, key=_by_loss)
    content = network.quantise(least.ranges, least.float_layers)
    return Int8Result(content, tuple(attempts), least, is_within=False)


def check_within(result: Int8Result, path: Path, limit: MostLost) -> Int8Result:
    """Returns a result, unless `--max-drop` does not allow it.

    Raises:
        CheckFailed: every attempt loses more.
    """
    if not result.is_within:
        raise CheckFailed(
            f"{path}: no int8 file within {limit.drop_points:g} points of Keras; best: {result.chosen}; "
            "allow a larger --max-drop, or use --float16"
        )
    return result


def _change(points: float) -> str:
    """A change as text, with its sign: `+0.00 points` where there is none."""
    return f"{round(points, 2) + 0.0:+.2f} points"


def _shares(probabilities: np.ndarray) -> np.ndarray:
    """Rows that sum to 1, whatever the familiarity that they were multiplied by."""
    return probabilities / np.maximum(probabilities.sum(1, keepdims=True), 1e-9)


def _by_loss(attempt: Attempt) -> tuple[float, float]:
    return attempt.drop_points, attempt.shift


def _names(layers: tuple[str, ...]) -> str:
    return ", ".join(layers)


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
