"""Calibration for int8: training images, and the ranges of activations measured on them.

Both formats use these ranges: TensorFlow's converter knows only the smallest and the largest value, and
onnxruntime's histograms keep every activation of every image in memory (4 GB for 512 images of 96x96 px).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..data.split import stratified
from ..edge_runtime.errors import BadData
from ..edge_runtime.models.card import pack_fingerprints

DEFAULT_IMAGES = 512
RangeMethod = Literal["min-max", "percentile", "entropy"]
PERCENTILE = 99.99
"""The share kept by `percentile`, in %, of the non-zero values on each side of zero."""

_BINS = 8192
_LEVELS = 256

Range = tuple[float, float]
"""(lowest, highest), including 0, which padding and ReLU give: it must have a level of its own."""


@dataclass(frozen=True)
class Calibration:
    """Images to calibrate with."""

    images: np.ndarray
    """uint8 (N, H, W, 3) RGB."""
    fingerprints: str = ""
    """Fingerprints of the images as text, for the card: a benchmark can tell that it tests on them."""

    @property
    def sha256(self) -> str:
        """Over the pixels, in order."""
        return hashlib.sha256(self.images.tobytes()).hexdigest()


def choose_calibration(
    images: np.ndarray, truth: np.ndarray, seed: int, count: int = DEFAULT_IMAGES
) -> Calibration:
    """Chooses `count` training images, seeded and stratified: class counts differ by one image at most.

    Args:
        images: uint8 (N, H, W, 3) RGB, the training split.
        truth: int64 (N,).
        seed: the same seed chooses the same images.
        count: the number of images; all if there are fewer.

    Raises:
        BadData: there are no training images.
    """
    if not len(images):
        raise BadData("no training images to calibrate with; leave out --int8, float files need none")
    chosen = images[stratified(truth, count, seed, is_balanced=True)].copy()
    fingerprints = pack_fingerprints(chosen)
    # The whole range of bytes must occur, or the input's scale would not be exactly 1/255.
    chosen[0, 0, 0], chosen[0, -1, -1] = 0, 255
    return Calibration(chosen, fingerprints)


@dataclass(frozen=True)
class Histogram:
    """How often an activation took each value."""

    counts: np.ndarray
    """int64 (bins,), without zeros, which every range represents exactly; most values after a ReLU are
    zero."""
    range: Range

    @property
    def centres(self) -> np.ndarray:
        """float64 (bins,), the middle of each bin."""
        low, high = self.range
        return low + (np.arange(len(self.counts)) + 0.5) * (high - low) / len(self.counts)


def min_max_ranges(activations: Iterable[Mapping[str, np.ndarray]]) -> dict[str, Range]:
    """Returns the smallest and largest value of each activation.

    Args:
        activations: for each image a mapping of names to float values.
    """
    ranges: dict[str, Range] = {}
    for one_image in activations:
        for name, values in one_image.items():
            low, high = ranges.get(name, (0.0, 0.0))
            ranges[name] = min(low, float(values.min())), max(high, float(values.max()))
    return ranges


def narrowed_ranges(histograms: Mapping[str, Histogram], method: RangeMethod) -> dict[str, Range]:
    """Returns narrower ranges, which clip rare large values to keep more levels for all others.

    Args:
        histograms: from `histograms_of`.
        method: `percentile` keeps `PERCENTILE` % of the values on each side of zero; `entropy` chooses the
            range whose levels lose the least information (Migacz, "8-bit inference with TensorRT", 2017).
    """
    narrow = {"min-max": _whole_range, "percentile": _percentile_range, "entropy": _entropy_range}[method]
    return {name: narrow(histogram) for name, histogram in histograms.items()}


def histograms_of(
    activations: Iterable[Mapping[str, np.ndarray]], ranges: Mapping[str, Range]
) -> dict[str, Histogram]:
    """Returns the histogram of each activation; arguments as for, and from, `min_max_ranges`."""
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
    # With fewer bins than levels, a histogram cannot show what the levels lose.
    narrowest = (high - low) * _LEVELS / _BINS
    limits = np.linspace(max(-low, high), narrowest, 96)
    candidates = [(max(low, -limit), min(high, limit)) for limit in limits.tolist()]
    return min(candidates, key=lambda range_: _information_lost(histogram, range_))


def _information_lost(histogram: Histogram, range_: Range) -> float:
    """Returns the Kullback-Leibler divergence of the values in `range_` from their quantised distribution."""
    low, high = range_
    inside = (histogram.centres >= low) & (histogram.centres <= high)
    counts = histogram.counts[inside].astype(np.float64)
    if not counts.any():
        return np.inf
    level = np.round((histogram.centres[inside] - low) / (high - low) * (_LEVELS - 1)).astype(int)
    # A level keeps how many values it holds, not where: they are taken as evenly spread.
    in_level = np.bincount(level, counts, _LEVELS)
    taken = np.bincount(level, counts > 0, _LEVELS)
    spread = np.where(counts > 0, (in_level / np.maximum(taken, 1))[level], 0)
    counts[0] += histogram.counts[histogram.centres < low].sum()  # clipped values end up at the limits
    counts[-1] += histogram.counts[histogram.centres > high].sum()
    before, after = counts / counts.sum(), spread / spread.sum()
    used = before > 0
    return float((before[used] * np.log(before[used] / np.maximum(after[used], 1e-12))).sum())
