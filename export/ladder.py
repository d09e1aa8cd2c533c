"""The int8 ladder: from the fastest way to quantise upwards, until a file loses little enough accuracy.

1. int8 throughout, weights per channel, activations over their whole range;
2. the same with the last layer in float, and the mean before it, which costs nearly nothing;
3. narrower ranges, which clip outliers (percentile, entropy), with the last layer in float if that helped;
4. with the most sensitive layers in float, one more at a time.

`int8_within` climbs it; `Int8Tflite` and `Int8Onnx` are what it climbs on. Without `--max-drop` it is climbed
only if the file loses more than `noticed`, and the fourth step is left out where no few layers are to blame.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, get_args

import numpy as np

from ..edge_runtime.errors import CheckFailed
from .calibration import RangeMethod
from .int8_loss import Attempt, Meter, MostLost, signed_points
from .layer_names import last_layer

METHODS: tuple[RangeMethod, ...] = get_args(RangeMethod)
MOST_IN_FLOAT = 0.5
"""The share of the layers that may stay in float; beyond it, a float16 file is better."""

MOST_UNASKED = 8
"""Layers that may join the last one in float without `--max-drop`: a loss that is spread over more of them
takes minutes to mend, and the file is then hardly smaller than a float16 one."""

_HELPS = 0.5
"""If other labels become half as many, the last layer stays in float for good."""
_RANKED_IMAGES = 64
"""Calibration images to rank layers with: every layer takes a file of its own."""
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
            f"{self.shift:.3f}; with it in float: validation accuracy {signed_points(self.gain_points)}"
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
    needed: int = 0
    """Layers that would have to stay in float; 0 if it is within the limit, or if they were tried."""

    def lines(self) -> list[str]:
        """Returns each attempt as text, then each sensitive layer with the reason."""
        return [*map(str, self.attempts), *map(str, self.sensitive)]

    def warnings(self) -> Iterator[str]:
        """Yields what to do if nothing mends the file."""
        if not self.is_within:
            why = (
                f"so many layers share in it that about {self.needed} would have to stay in float"
                if self.needed
                else "neither narrower ranges nor float layers help"
            )
            yield (
                f"int8 loses much ({self.chosen.loss}); {why}; "
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
        enough: what the best file of the first three steps may lose, and a reason to take the fourth only if
            few layers are to blame: it takes minutes where a network has many. None takes it in any case.
        on_step: called with the text of each attempt.

    Returns:
        The first file that keeps to the limit; if none does, the best.
    """
    climb = _Climb(network, meter, limit, on_step)
    last = last_layer(network.layers)
    for float_layers in ((), last):
        if (content := climb.tried(METHODS[0], float_layers)) is not None:
            return climb.found(content)
    plain, with_float_head = climb.attempts
    kept = last if with_float_head.changed < plain.changed * _HELPS else ()
    for method in METHODS[1:]:
        if (content := climb.tried(method, kept)) is not None:
            return climb.found(content)
    best = min((one for one in climb.attempts if one.float_layers == kept), key=_by_loss)
    if enough and enough.holds(best):
        return Int8Result(network.quantise(best.ranges, kept), tuple(climb.attempts), best)
    return climb.with_layers_in_float(best, MOST_UNASKED if enough else None)


class _Climb:
    """The attempts so far, and the fourth step; arguments as for `int8_within`."""

    def __init__(
        self, network: Int8Network, meter: Meter, limit: MostLost, on_step: Callable[[str], None]
    ) -> None:
        self._network, self._meter, self._limit, self._on_step = network, meter, limit, on_step
        self.attempts: list[Attempt] = []

    def tried(self, ranges: RangeMethod, float_layers: tuple[str, ...]) -> bytes | None:
        """Measures an attempt; returns the file if it keeps to the limit."""
        content = self._network.quantise(ranges, float_layers)
        self.attempts.append(self._meter.attempt(content, ranges, float_layers))
        self._on_step(str(self.attempts[-1]))
        return content if self._limit.holds(self.attempts[-1]) else None

    def found(self, content: bytes, left: Sequence[FloatLayer] = ()) -> Int8Result:
        """Returns the last attempt as the result."""
        return Int8Result(content, tuple(self.attempts), self.attempts[-1], tuple(left))

    def with_layers_in_float(self, best: Attempt, at_most: int | None) -> Int8Result:
        """Leaves the most sensitive layers in float, one more at a time, besides those of the best attempt.

        With `at_most` no more than these, and none if more would be needed.
        """
        kept, ranked = best.float_layers, self._ranked(best)
        most = round(len(ranked) * MOST_IN_FLOAT)
        if at_most is not None:
            needed = layers_to_blame(ranked, self._limit.share_of(best))
            if needed > at_most:
                return self._given_up(best, needed)
            most = min(most, at_most)
        left: list[FloatLayer] = []
        for layer in ranked[:most]:
            before = self.attempts[-1] if left else best
            content = self.tried(best.ranges, (*kept, *(one.layer for one in left), layer.layer))
            gained = before.drop_points - self.attempts[-1].drop_points
            left.append(FloatLayer(layer.layer, layer.shift, gained))
            if content is not None:
                return self.found(content, left)
        return self._given_up(min(self.attempts, key=_by_loss))

    def _ranked(self, best: Attempt) -> "list[Sensitivity]":
        """The layers that are not in float yet, the most sensitive first."""
        images = self._meter.more_images
        some = images[:: max(1, -(-len(images) // _RANKED_IMAGES))]
        found = sensitivities(self._network, lambda content: self._meter.predict(content, some), best.ranges)
        return [one for one in found if one.layer not in best.float_layers]

    def _given_up(self, least: Attempt, needed: int = 0) -> Int8Result:
        content = self._network.quantise(least.ranges, least.float_layers)
        return Int8Result(content, tuple(self.attempts), least, is_within=False, needed=needed)


def check_within(result: Int8Result, path: Path, limit: MostLost) -> Int8Result:
    """Returns a result, unless `--max-drop` does not allow it.

    Raises:
        CheckFailed: every attempt loses more.
    """
    if not result.is_within:
        is_chance = result.chosen.shown_points > limit.shown_points
        chance = f", by chance up to {result.chosen.shown_points:.1f} points worse" if is_chance else ""
        raise CheckFailed(
            f"{path}: no int8 file within {limit.drop_points:g} points of Keras; "
            f"best: {result.chosen}{chance}; allow a larger --max-drop, or use --float16"
        )
    return result


def _by_loss(attempt: Attempt) -> tuple[float, float]:
    return attempt.drop_points, attempt.shift


@dataclass(frozen=True)
class Sensitivity:
    """The effect of int8 on one layer."""

    layer: str
    shift: float
    """Mean change of a picture's probabilities if this layer alone is int8: total variation distance, 0 to
    1."""


def layers_to_blame(ranked: Sequence[Sensitivity], share: float) -> int:
    """Returns how many of the most sensitive layers have to stay in float, if the effects of all add up.

    Args:
        ranked: the most sensitive first.
        share: of the whole effect that may be left, 0 to 1.
    """
    left = np.cumsum([0.0, *(layer.shift for layer in ranked[::-1])])[
        ::-1
    ]  # with the first 0, 1, ... in float
    return int(np.argmax(left <= share * left[0] + _ROUNDING))


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
