"""From the predictions of single frames to what is announced: steadier than they are.

Each of three things steadies it against a fault of its own: the mean over time against noise from frame to
frame, the hold against a hand that passes before the camera, and two thresholds against a probability that
hovers about one.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..classifier import Classifier, Prediction, rank
from ..errors import UsageError

SMOOTH_S = 0.5
"""Fifteen frames of a usual camera: their noise is gone, and a clear change is seen in that time."""
HOLD_S = 0.5
"""With the mean before it, a new object is announced about a second after it came: as fast as a person who
put it there looks up, and slower than what merely passes."""
OFF_SHARE = 0.8
"""Of the threshold that a label must reach: below this part of it, it is withdrawn."""
SILENT_S = 2.0
"""A gap in the frames is a silence when it is longer than this, and than `SILENT_GAPS` gaps like the last."""
SILENT_GAPS = 10


@dataclass(frozen=True)
class Decision:
    """What is announced after one more frame."""

    shown: Prediction
    """The ranking of the smoothed probabilities; `label` is the announced one, None for "unknown". While
    another label must still hold, the announced one is not the first of the ranking."""
    since_s: float
    """The frame's time (`Frame.time_s`) since which this label is announced."""
    changed: bool
    """Another label was announced before this frame. At the start that is "unknown"."""
    before: str | None = None
    """Where it changed, what was announced before; None for "unknown"."""


class Decider:
    """Announces what each frame says: for stills, of which each stands alone."""

    def update(self, prediction: Prediction, time_s: float) -> Decision:
        """Takes the prediction of one more frame.

        Args:
            prediction: of this frame alone.
            time_s: `Frame.time_s`.
        """
        return Decision(prediction, time_s, changed=False)


class SteadyDecider(Decider):
    """Announces what the frames of a camera or a video say over time.

    A label is announced when, for `hold_s` without a break, its smoothed probability was the highest and at
    least the classifier's threshold. It is withdrawn when another label was announced so, or when its own
    probability was below `off` for `hold_s`, or the card's background class won for as long. Until there is a
    first one, the answer is "unknown".

    After a long silence nobody knows what was to be seen meanwhile: what is announced stays, and a new label
    must hold from the first frame on.

    Args:
        classifier: gives the labels, the threshold and how many labels are ranked.
        smooth_s: time constant of the exponential mean of the probabilities, at any frame rate; 0: none.
        hold_s: how long a change must last before it is announced; 0: at once.
        off: probability, 0 to 1, below which a label is withdrawn; None is `OFF_SHARE` of the threshold.

    Raises:
        UsageError: `off` is above the threshold.
    """

    def __init__(
        self,
        classifier: Classifier,
        smooth_s: float = SMOOTH_S,
        hold_s: float = HOLD_S,
        off: float | None = None,
    ) -> None:
        self._labels, self._top = classifier.card.labels, classifier.top
        background = classifier.card.background
        self._background = None if background is None else self._labels.index(background)
        self._on = classifier.threshold
        self._off = OFF_SHARE * self._on if off is None else off
        if self._off > self._on:
            raise UsageError(
                f"--conf-off {self._off:g} is above the threshold to announce a label, {self._on:g}; lower it"
            )
        self._smooth_s, self._hold_s = smooth_s, hold_s
        self._mean: np.ndarray | None = None
        self._last_s, self._gap_s = 0.0, math.inf
        self._winner: int | None = None  # what would be announced if it held
        self._winner_since_s = 0.0
        self._announced: int | None = None
        self._announced_since_s: float | None = None

    def update(self, prediction: Prediction, time_s: float) -> Decision:
        """See `Decider.update`; the prediction must be one that `Classifier.rank` made."""
        gap_s = time_s - self._last_s
        if self._is_silence(gap_s):
            gap_s, self._winner_since_s = math.inf, time_s
        mean = self._smoothed(prediction.probabilities, gap_s)
        smoothed = rank(mean, self._labels, self._on, self._top)
        self._mean, self._last_s, self._gap_s = mean, time_s, gap_s
        if self._announced_since_s is None:
            self._announced_since_s = time_s

        winner = self._winner_of(mean)
        if winner != self._winner:
            self._winner, self._winner_since_s = winner, time_s
        before = self._label(self._announced)
        changed = winner != self._announced and time_s - self._winner_since_s >= self._hold_s
        if changed:
            self._announced, self._announced_since_s = winner, time_s
        shown = smoothed.with_label(self._label(self._announced))
        return Decision(shown, self._announced_since_s, changed, before if changed else None)

    def _is_silence(self, gap_s: float) -> bool:
        """Whether this frame follows a break: a camera that always gives few frames makes none."""
        if self._mean is None or gap_s < 0:  # a video that begins again
            return True
        return gap_s > max(SILENT_S, SILENT_GAPS * self._gap_s)

    def _smoothed(self, probabilities: np.ndarray, gap_s: float) -> np.ndarray:
        """The exponential mean, float32 (C,), which weighs a frame by the time since the one before."""
        if self._mean is None or self._smooth_s == 0:
            return probabilities
        return self._mean + (probabilities - self._mean) * -math.expm1(-gap_s / self._smooth_s)

    def _winner_of(self, mean: np.ndarray) -> int | None:
        best = int(mean.argmax())
        if float(mean[best]) >= self._on:  # as `rank` does: numpy would round the threshold
            return None if best == self._background else best
        stays = self._announced is not None and mean[self._announced] >= self._off
        return self._announced if stays else None

    def _label(self, index: int | None) -> str | None:
        return None if index is None else self._labels[index]
