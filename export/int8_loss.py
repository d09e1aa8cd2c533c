"""What an int8 file loses to Keras: how it is measured, and how much may be lost."""

import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.intervals import at_most
from ..edge_runtime.engines.open import open_own_engine
from ..edge_runtime.errors import UsageError
from ..edge_runtime.models.card import ModelCard
from ..edge_runtime.models.model_file import ModelFile, ModelFormat
from .calibration import RangeMethod
from .confidence import FEW_IMAGES
from .parity import predict_all

MEASURED_IMAGES = 256
"""Calibration images that the export measures on, besides the validation images."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class MostLost:
    """What an int8 file may lose to Keras."""

    drop_points: float
    """Accuracy on the validation images, in percentage points."""
    changed: float = 1.0
    """Share of pictures, validation and calibration, that get another label, 0 to 1."""
    shift: float = 1.0
    """Mean change of a picture's probabilities, as shares of their sum: total variation distance, 0 to 1."""
    shown_points: float = 100.0
    """Accuracy, in percentage points, that it does not lose with 95 % certainty; 100: not asked for."""

    def holds(self, attempt: "Attempt") -> bool:
        """Whether an attempt keeps to it."""
        return (
            attempt.drop_points <= self.drop_points + _ROUNDING
            and attempt.changed <= self.changed
            and attempt.shift <= self.shift
            and attempt.shown_points <= self.shown_points + _ROUNDING
        )

    def share_of(self, attempt: "Attempt") -> float:
        """Returns the share of an attempt's loss that would keep to it, 0 to 1."""
        pairs = (
            (self.drop_points, attempt.drop_points),
            (self.changed, attempt.changed),
            (self.shift, attempt.shift),
        )
        return min(1.0, *(allowed / lost for allowed, lost in pairs if lost > 0))


_NOTICED = MostLost(drop_points=1.0, changed=0.05, shift=0.05)
"""Labels and probabilities count too, since of 30 validation images one is 3 points. Networks that quantise
well shift probabilities by up to 0.02; a weakly regularised head lost half of the labels."""
_NAMED = 4
"""Of layers in float, so many are shown."""
_BY_CHANCE = 2
"""Validation images that may be lost in any case."""


def noticed(val_images: int, factor: float = 1.0) -> MostLost:
    """Returns what a file may lose before the export mends it without being asked, times a factor."""
    drop_points = max(_NOTICED.drop_points, 100 * _BY_CHANCE / max(val_images, 1))
    return MostLost(drop_points * factor, _NOTICED.changed * factor, _NOTICED.shift * factor)


def limit_asked(points: float, val_images: int, calibration_images: int) -> MostLost:
    """Returns the limit of `--max-drop`: of few validation images, chance may be what keeps to it.

    Then other labels on the calibration images count too, and the loss must be shown not to be larger.

    Args:
        points: accuracy, in percentage points.
        val_images: with known classes.
        calibration_images: of which int8 is measured on all.

    Raises:
        UsageError: even a file that loses nothing would not show it.
    """
    if val_images >= FEW_IMAGES:
        return MostLost(points)
    least = 100 * at_most(0, val_images + calibration_images)
    if least > points:
        raise UsageError(
            f"--max-drop {points:g}: {val_images} validation and {calibration_images} calibration images "
            f"cannot show a loss below {least:.1f} points; give more pictures, allow --max-drop "
            f"{math.ceil(least)}, or leave it out: a loss that is noticed is mended in any case"
        )
    return MostLost(points, shown_points=points)


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
        shown_points = 100 * at_most(self._worse(answers, more), len(both))
        is_labelled = self.truth is not None
        return Attempt(ranges, float_layers, drop_points, changed, shift, is_labelled, shown_points)

    def _worse(self, answers: np.ndarray, more: np.ndarray) -> int:
        """Validation images that Keras alone labels rightly, and calibration images with another label."""
        other = answers.argmax(1) != self.reference.argmax(1)
        if self.truth is not None:
            other &= self.reference.argmax(1) == self.truth
        return int(other.sum() + (more.argmax(1) != self.more_reference.argmax(1)).sum())

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
    shown_points: float = 0.0

    def __str__(self) -> str:
        return f"int8, {self.way}: {self.loss}"

    @property
    def way(self) -> str:
        """How it was quantised, as text."""
        return f"{self.ranges} ranges{f', {_names(self.float_layers)} in float' if self.float_layers else ''}"

    @property
    def loss(self) -> str:
        """What it lost, as text: on the validation images, and for other labels on calibration images too."""
        accuracy = f"validation accuracy {signed_points(-self.drop_points)}, " if self.is_labelled else ""
        return f"{accuracy}other labels {self.changed:.1%}"


def signed_points(change: float) -> str:
    """A change of accuracy as text: `+0.00 points` where there is none."""
    return f"{round(change, 2) + 0.0:+.2f} points"


def _shares(probabilities: np.ndarray) -> np.ndarray:
    """Rows that sum to 1, whatever the familiarity that they were multiplied by."""
    return probabilities / np.maximum(probabilities.sum(1, keepdims=True), 1e-9)


def _names(layers: tuple[str, ...]) -> str:
    more = f" and {len(layers) - _NAMED} more layers" if len(layers) > _NAMED + 1 else ""
    return ", ".join(layers[:_NAMED] if more else layers) + more
