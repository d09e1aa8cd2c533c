"""Decision: which label is announced, from the predictions of single frames.

Three means make it steadier than the predictions: a mean over time against noise from frame to frame, a hold
time against what merely passes the camera, and two thresholds against a probability that hovers around one.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..classifier import Classifier
from ..errors import UsageError
from ..prediction import Prediction, rank

SMOOTH_S = 0.5
"""Time constant of the mean: fifteen frames of a usual camera, enough to remove their noise."""
HOLD_S = 0.5
"""How long a label must win. With the mean, a new object is announced about a second after it appears: fast
enough for a person who waits for it, and slower than what merely passes."""
OFF_SHARE = 0.8
"""A label is withdrawn below this share of the threshold at which it is announced."""
MIN_SILENCE_S = 2.0
"""A gap between frames is a silence if it is longer than this, and than `SILENCE_GAPS` times the last gap."""
SILENCE_GAPS = 10


@dataclass(frozen=True)
class Decision:
    """What is announced after a frame."""

    shown: Prediction
    """The ranking of the smoothed probabilities, with the announced label; None for "unknown". While a new
    label must still hold, the announced one is not the first of the ranking."""
    since_s: float
    """Since when this label is announced, as `Frame.time_s`."""
    changed: bool
    """Another label was announced before this frame; at the start that is "unknown"."""
    before: str | None = None
    """The label announced before a change; None for "unknown"."""
    waiting: str | None = None
    """The label that wins, but must still hold before it is announced."""


class Decider:
    """Announces the prediction of each frame by itself, as for still images."""

    def update(self, prediction: Prediction, time_s: float) -> Decision:
        """Takes the prediction of the next frame and returns what is announced.

        Args:
            prediction: of this frame alone.
            time_s: `Frame.time_s`.
        """
        return Decision(prediction, time_s, changed=False)

    def withdraw(self, shown: Prediction, time_s: float) -> Decision:
        """Withdraws what is announced, as when the camera is frozen; returns that nothing is.

        Args:
            shown: the prediction that was shown last.
            time_s: `Frame.time_s`.
        """
        return Decision(shown.with_label(None), time_s, changed=False)


class SteadyDecider(Decider):
    """Announces a label over time, for cameras and videos.

    A label is announced when its smoothed probability was the highest, and at least the classifier's
    threshold, for `hold_s` without a break. It is withdrawn when another label is announced, when its own
    probability was below `off` for `hold_s`, or when the background class won for as long. Before the first
    label, "unknown" is announced.

    After a long silence the announced label stays, and a new one must hold from the first frame on.

    Args:
        classifier: gives the labels, the threshold and how many labels are ranked.
        smooth_s: time constant of the exponential mean of the probabilities, in seconds; 0: no mean.
        hold_s: how long a change must last before it is announced, in seconds; 0: at once.
        off: probability, 0 to 1, below which a label is withdrawn; None: `OFF_SHARE` of the threshold.

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
        self._winner: int | None = None  # what is announced if it holds
        self._winner_since_s = 0.0
        self._announced: int | None = None
        self._announced_since_s: float | None = None

    def update(self, prediction: Prediction, time_s: float) -> Decision:
        """See `Decider.update`; the prediction must come from `Classifier.rank`."""
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
        waiting = None if winner == self._announced else self._label(winner)
        return Decision(shown, self._announced_since_s, changed, before if changed else None, waiting)

    def withdraw(self, shown: Prediction, time_s: float) -> Decision:
        """See `Decider.withdraw`; then as at the start, so that a label must hold before it is announced."""
        before = self._label(self._announced)
        self._mean = self._winner = self._announced = None
        self._winner_since_s = self._announced_since_s = self._last_s = time_s
        return Decision(shown.with_label(None), time_s, changed=before is not None, before=before)

    def _is_silence(self, gap_s: float) -> bool:
        """Whether the gap before this frame is a silence, which for a slow camera takes longer."""
        if self._mean is None or gap_s < 0:  # a video that begins again
            return True
        return gap_s > max(MIN_SILENCE_S, SILENCE_GAPS * self._gap_s)

    def _smoothed(self, probabilities: np.ndarray, gap_s: float) -> np.ndarray:
        """Returns the exponential mean, float32 (C,); a frame weighs as much as the gap before it."""
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
