"""The images that quantisation measures its ranges on: training images only, the same share of each class."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..data.split import stratified
from ..edge_runtime.errors import BadData
from ..edge_runtime.models.card import pack_fingerprints

DEFAULT_IMAGES = 512


@dataclass(frozen=True)
class Calibration:
    """Images to calibrate with."""

    images: np.ndarray
    """uint8 (N, H, W, 3) RGB."""
    prints: str = ""
    """`pack_fingerprints` of the images as they were chosen: the card keeps it, so that nobody scores on
    them unknowingly."""

    @property
    def sha256(self) -> str:
        """Over the pixels, in order."""
        return hashlib.sha256(self.images.tobytes()).hexdigest()


def choose_calibration(
    images: np.ndarray, truth: np.ndarray, seed: int, count: int = DEFAULT_IMAGES
) -> Calibration:
    """Takes `count` training images, seeded and stratified: classes differ by one image at most.

    Args:
        images: uint8 (N, H, W, 3) RGB, the training split.
        truth: int64 (N,).
        seed: the same seed takes the same images.
        count: how many; all of them where there are fewer.

    Raises:
        BadData: there is no training image.
    """
    if not len(images):
        raise BadData("no training images to calibrate with; int8 needs some, a float export does not")
    chosen = images[stratified(truth, count, seed, is_balanced=True)].copy()
    prints = pack_fingerprints(chosen)
    # The whole range of a camera's bytes must be in it, or the input's scale would not be 1/255 exactly.
    chosen[0, 0, 0], chosen[0, -1, -1] = 0, 255
    return Calibration(chosen, prints)


# The ranges of activations that int8 levels are spread over, measured on calibration images.
#
# One way for both formats: TensorFlow's converter knows only the smallest and largest value, and
# onnxruntime's histograms keep every activation of every image in memory (4 GB for 512 images of 96x96 px).

RangeMethod = Literal["min-max", "percentile", "entropy"]
PERCENTILE = 99.99
"""Of the values other than zero on each side of zero."""

_BINS = 8192
_LEVELS = 256

Range = tuple[float, float]
"""(lowest, highest), zero included: it must be a level of its own, as padding and ReLU give it."""


@dataclass(frozen=True)
class Histogram:
    """How often an activation took which value."""

    counts: np.ndarray
    """int64 (bins,), without the zeros: every range holds them exactly, and a ReLU makes most values zero."""
    range: Range

    @property
    def centres(self) -> np.ndarray:
        """float64 (bins,), the middle of each bin."""
        low, high = self.range
        return low + (np.arange(len(self.counts)) + 0.5) * (high - low) / len(self.counts)


def min_max_ranges(activations: Iterable[Mapping[str, np.ndarray]]) -> dict[str, Range]:
    """The smallest and largest value of each activation; one mapping (name to float values) an image."""
    ranges: dict[str, Range] = {}
    for one_image in activations:
        for name, values in one_image.items():
            low, high = ranges.get(name, (0.0, 0.0))
            ranges[name] = min(low, float(values.min())), max(high, float(values.max()))
    return ranges


def narrowed_ranges(
    activations: Iterable[Mapping[str, np.ndarray]], ranges: Mapping[str, Range], method: RangeMethod
) -> dict[str, Range]:
    """Narrower ranges: rare large values are clipped, so that they do not cost all others their levels.

    Args:
        activations: as for `min_max_ranges`.
        ranges: what `min_max_ranges` found.
        method: `percentile` keeps `PERCENTILE` % of the values on each side of zero; `entropy` keeps the
            range whose levels lose the least information (Migacz, "8-bit inference with TensorRT", 2017).
    """
    narrow = {"min-max": _whole_range, "percentile": _percentile_range, "entropy": _entropy_range}[method]
    return {name: narrow(histogram) for name, histogram in _histograms(activations, ranges).items()}


def _histograms(
    activations: Iterable[Mapping[str, np.ndarray]], ranges: Mapping[str, Range]
) -> dict[str, Histogram]:
    counts = {name: np.zeros(_BINS, np.int64) for name in ranges}
    for one_image in activations:
        for name, values in one_image.items():
            low, high = ranges[name]
            if high > low:
                counts[name] += np.histogram(values[values != 0], _BINS, (low, high))[0]
    return {name: Histogram(counts[name], ranges[name]) for name in ranges}


def _whole_range(histogram: Histogram) -> Range:
    return histogram.range


def _percentile_range(histogram: Histogram) -> Range:
    low, high = histogram.range
    centres, counts = histogram.centres, histogram.counts
    above, below = np.where(centres > 0, counts, 0), np.where(centres < 0, counts, 0)
    if above.any():
        high = float(centres[np.searchsorted(above.cumsum(), above.sum() * PERCENTILE / 100)])
    if below.any():
        low = float(centres[-1 - np.searchsorted(below[::-1].cumsum(), below.sum() * PERCENTILE / 100)])
    return low, high


def _entropy_range(histogram: Histogram) -> Range:
    low, high = histogram.range
    if not histogram.counts.any():
        return histogram.range
    # Below as many bins as levels, a histogram cannot tell what the levels lose.
    narrowest = (high - low) * _LEVELS / _BINS
    limits = np.linspace(max(-low, high), narrowest, 96)
    candidates = [(max(low, -limit), min(high, limit)) for limit in limits.tolist()]
    return min(candidates, key=lambda range_: _information_lost(histogram, range_))


def _information_lost(histogram: Histogram, range_: Range) -> float:
    """The Kullback-Leibler divergence of the values in `range_` from what their levels can tell of them."""
    low, high = range_
    inside = (histogram.centres >= low) & (histogram.centres <= high)
    counts = histogram.counts[inside].astype(np.float64)
    if not counts.any():
        return np.inf
    level = np.round((histogram.centres[inside] - low) / (high - low) * (_LEVELS - 1)).astype(int)
    # A level tells how many values it holds, not how they lie in it: they are taken as evenly spread.
    in_level = np.bincount(level, counts, _LEVELS)
    taken = np.bincount(level, counts > 0, _LEVELS)
    spread = np.where(counts > 0, (in_level / np.maximum(taken, 1))[level], 0)
    counts[0] += histogram.counts[histogram.centres < low].sum()  # what is clipped comes to lie at the ends
    counts[-1] += histogram.counts[histogram.centres > high].sum()
    held, told = counts / counts.sum(), spread / spread.sum()
    known = held > 0
    return float((held[known] * np.log(held[known] / np.maximum(told[known], 1e-12))).sum())
