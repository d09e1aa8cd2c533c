"""One file's answers to the same images, as they are and corrupted, and what the corruptions cost it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..intervals import Interval, paired_difference, paired_mean, share
from .corrupt import CORRUPTIONS

JPEG_FROM, JPEG_TO = 100, 50
"""The qualities between which a file's loss is told apart: what a good camera sends, and a thin line."""
_JPEG = next(corruption for corruption in CORRUPTIONS if corruption.name == "jpeg")


@dataclass(frozen=True)
class Drop:
    """How much accuracy is lost, in points; less than 0 where it is better."""

    points: float
    interval_points: Interval | None
    """95 %, paired: of the same images. None where it needs scipy, which is not on a device."""


@dataclass(frozen=True)
class Scores:
    """Which images a file recognises."""

    clean: np.ndarray
    """As they are: bool (N,)."""
    corrupted: Mapping[str, np.ndarray]
    """Under each corruption, by its name: bool (5, N), level by level."""

    @property
    def accuracy(self) -> float:
        """Top-1 of the images as they are, 0 to 1."""
        return float(self.clean.mean())

    @property
    def accuracy_interval(self) -> Interval | None:
        """95 %; None without scipy."""
        return share(int(self.clean.sum()), len(self.clean))

    def accuracies(self, name: str) -> tuple[float, ...]:
        """Top-1 under a corruption, 0 to 1, level by level."""
        return tuple(float(level.mean()) for level in self.corrupted[name])

    @property
    def mean_accuracies(self) -> tuple[float, ...]:
        """The mean of all corruptions, 0 to 1, level by level."""
        levels = np.mean([level.mean(axis=1) for level in self.corrupted.values()], axis=0)
        return tuple(float(level) for level in levels)

    @cached_property
    def mean_accuracy(self) -> float:
        """The mean of all corruptions and levels, 0 to 1."""
        return float(self._all_levels.mean())

    @cached_property
    def drop(self) -> Drop:
        """From the images as they are to the mean of all corruptions and levels."""
        return self._drop_to(self._all_levels)

    def drop_under(self, name: str) -> Drop:
        """To the mean of the levels of one corruption."""
        return self._drop_to(self.corrupted[name])

    def drop_at(self, name: str, level: int) -> Drop:
        """To one level of a corruption, 0 to 4."""
        return _drop_between(self.clean, self.corrupted[name][level])

    @cached_property
    def jpeg_drop(self) -> Drop:
        """From JPEG quality `JPEG_FROM` to `JPEG_TO`."""
        before, after = (self.corrupted["jpeg"][_JPEG.levels.index(value)] for value in (JPEG_FROM, JPEG_TO))
        return _drop_between(before, after)

    @property
    def _all_levels(self) -> np.ndarray:
        """Bool (5 x corruptions, N)."""
        return np.concatenate(list(self.corrupted.values()))

    def _drop_to(self, levels: np.ndarray) -> Drop:
        """To the mean of bool (L, N)."""
        lost_points = 100 * (self.clean - levels.mean(axis=0))
        return Drop(float(lost_points.mean()), paired_mean(lost_points))


def _drop_between(before: np.ndarray, after: np.ndarray) -> Drop:
    """From bool (N,) to bool (N,) of the same images."""
    lost, gained = int((before & ~after).sum()), int((~before & after).sum())
    interval = paired_difference(lost, gained, len(before))
    points = 100 * (lost - gained) / len(before)
    return Drop(points, interval and Interval(100 * interval.low, 100 * interval.high))
